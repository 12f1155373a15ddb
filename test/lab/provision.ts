import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/**
 * `node test/lab/provision.ts` installs the Debian packages that the lab needs and that are missing, and says what it does. Exits with 0
 * when all are there, with 69 and the list when they are not and could not be installed. `HOLDFAST_NO_INSTALL=1` forbids installing.
 */

/** Package and what it is needed for. */
const packages: Readonly<Record<string, string>> = {
  lxc: 'real containers',
  nftables: 'rules between pools',
  iproute2: 'bridges and addresses',
  iptables: 'rules where nftables is missing',
  'busybox-static': 'roots of test containers',
  'squashfs-tools': 'images of test containers',
  curl: 'the control socket by hand',
  strace: 'faults of the disk',
  e2fsprogs: 'disks that lose power',
  procps: 'what still runs',
  openssl: 'certificates of examples',
  haproxy: 'ingress that looks into what it carries',
  'nginx-light': 'a proxy in a container, and one to compare with',
  'nghttp2-client': 'load over HTTP (h2load)',
  wrk: 'load over HTTP',
  socat: 'unix sockets in containers, and relays to compare with',
  dbus: 'a bus in a container, and its clients',
  'dbus-broker': 'the other bus',
  'dbus-tests': 'calls over a bus that are measured',
  systemd: 'busctl, a client of buses',
  'python3-dbus-next': 'a service on a bus',
  weston: 'a compositor in a container, and a client that draws',
  'xkb-data': 'keyboards of the compositor',
};

function say(message: string): void {
  process.stderr.write(`provision: ${message}\n`);
}

function isInstalled(name: string): boolean {
  const { stdout } = spawnSync('dpkg-query', ['--status', name], { encoding: 'utf8' });
  return /^Status: install ok installed$/m.test(stdout);
}

function apt(...parameters: readonly string[]): boolean {
  say(`apt-get ${parameters.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // apt's output is progress: it goes to standard error.
  return spawnSync('apt-get', parameters, { env, stdio: ['ignore', 2, 2] }).status === 0;
}

/** Asked by Debian's packages whether they may start what they bring (invoke-rc.d(8)). */
const servicePolicy = '/usr/sbin/policy-rc.d';

/** Nothing that is installed for tests is started as a service of this machine, nginx on port 80 least of all. */
function withoutServices(install: () => boolean): boolean {
  try {
    writeFileSync(servicePolicy, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // The machine has a policy of its own: that one counts.
    return install();
  }
  try {
    return install();
  } finally {
    rmSync(servicePolicy);
  }
}

function isDebian(): boolean {
  try {
    return /^ID(_LIKE)?=.*debian/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

/** Why nothing may be installed here; null when it may. */
function hindrance(): string | null {
  if (process.env.HOLDFAST_NO_INSTALL === '1') return 'HOLDFAST_NO_INSTALL=1 forbids installing them';
  if (!isDebian()) return 'this is no Debian; install their like by hand';
  if (process.getuid?.() !== 0) return 'only root can install them';
  return null;
}

function main(): number {
  const missing = Object.keys(packages).filter((name) => !isInstalled(name));
  if (missing.length === 0) return 0;
  say(`missing: ${missing.map((name) => `${name} (${packages[name]})`).join(', ')}`);
  const reason = hindrance();
  if (reason !== null) {
    say(reason);
    return 69;
  }
  const install = ['install', '--yes', '--no-install-recommends', ...missing];
  // Package lists may be old or absent: they are fetched only when that is in the way.
  if (withoutServices(() => apt(...install) || (apt('update') && apt(...install)))) return 0;
  say('apt-get could not install them; see above');
  return 69;
}

process.exitCode = main();
