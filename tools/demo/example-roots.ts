import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { copyProgram } from '../../test/lab/copy-program.ts';
import { addPython } from '../../test/lab/python-root.ts';
import { addWeston } from '../../test/lab/weston-root.ts';

/** Something of this machine that an example has in its roots beside busybox: a program by its path, or what puts it there. */
export type RootPart = string | ((root: string) => Promise<void>);

/** As nginx' own image has it; servers are in files beside it. */
const nginxFiles = {
  'etc/nginx/nginx.conf':
    'user nobody nogroup;\nevents {}\nhttp { access_log off; include /etc/nginx/conf.d/*.conf; }\n',
  'etc/nginx/conf.d/default.conf': 'server { listen 80; }\n',
  // Names are those that the pool's other containers have.
  'etc/nsswitch.conf': 'hosts: files\n',
  'run/.keep': '',
  'var/lib/nginx/.keep': '',
} as const;

async function nginx(root: string): Promise<void> {
  await copyProgram('/usr/sbin/nginx', root);
  for (const [path, text] of Object.entries(nginxFiles)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

/** The bus itself, a client of it, and what the example's service is written with. */
const bus: readonly RootPart[] = [
  '/usr/bin/dbus-daemon',
  '/usr/bin/dbus-send',
  (root) => addPython(root, ['dbus_next.aio', 'dbus_next.service']),
];

/** What each example has in its roots. curl and socat say that a container is ready: busybox does not speak to sockets. */
export const rootParts = {
  'two-containers': ['/usr/bin/curl'],
  'ingress-paths': ['/usr/bin/curl', '/usr/bin/openssl', nginx],
  'ingress-nginx': ['/usr/bin/curl', nginx],
  'links/unix': ['/usr/bin/socat'],
  'links/rest': ['/usr/bin/curl', nginx],
  'links/dbus': ['/usr/bin/socat', ...bus],
  'links/drm': ['/usr/bin/socat'],
  'links/wayland': ['/usr/bin/socat', addWeston],
} as const satisfies Readonly<Record<string, readonly RootPart[]>>;

/** Puts one part into a root. */
export async function addPart(part: RootPart, root: string): Promise<void> {
  await (typeof part === 'string' ? copyProgram(part, root) : part(root));
}
