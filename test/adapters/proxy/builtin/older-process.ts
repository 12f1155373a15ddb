import { createServer } from 'node:http';

/** A process of a version that said nothing of its protocol: `node older-process.ts <directory>`. */
const [, , directory = ''] = process.argv;
process.chdir(directory);
const server = createServer((request, response) => {
  if (request.url === '/life') response.flushHeaders();
  else response.end(JSON.stringify({ pid: process.pid, listeners: 'in other words' }));
});
server.listen('control.sock');
