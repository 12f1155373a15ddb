import { createServer } from 'node:net';

/**
 * `node forwarding-peer.ts PORT…` listens at every address. It says who connected, echoes what comes, and ends only after its client has;
 * to standard output it prints one line for each port, and for each chunk that came.
 */
for (const port of process.argv.slice(2).map(Number)) {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.write(`${socket.remoteAddress?.replace('::ffff:', '')} at ${port}\n`);
    socket.on('data', (chunk) => {
      process.stdout.write(`got ${chunk.length}\n`);
      socket.write(chunk);
    });
    socket.on('end', () => socket.end('end\n'));
    socket.on('error', (error) => process.stdout.write(`${error.message}\n`));
  });
  server.listen(port, '0.0.0.0', () => process.stdout.write(`listens ${port}\n`));
}
