import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { inits, makeBusyboxRoot, packObject } from '../lab/busybox-root.ts';
import { Device } from './device.ts';

const inLab = process.env.HOLDFAST_LAB === '1' ? test.serial : test.serial.skip;

/** Milliseconds from the start of `apply` to the end of the controller: from before the first step to after the last. */
const moments = [90, 130, 170, 210, 250, 300, 360, 430];

/** Everything that two revisions which share nothing but a bridge and a container leave on the host. */
async function standing(made: Device) {
  const links = (await made.run('ip', '-br', 'link')).stdout
    .split('\n')
    .map((line) => line.split(/[\s@]/)[0] ?? '');
  const containers = await made.run('lxc-ls', '-P', join(made.root, 'lxc'), '-f', '-F', 'NAME,STATE');
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n');
  return {
    bridges: links.filter((name) => name.startsWith('pvbr')).sort(),
    ports: links.filter((name) => name.startsWith('hf')).length,
    containers: containers.stdout
      .trim()
      .split(/\s*\n\s*/)
      .slice(1)
      .sort(),
    images: mounts.filter((line) => line.includes(made.root)).length,
    masquerades: (await made.run('nft', 'list', 'ruleset')).stdout.match(/masquerade/g)?.length ?? 0,
  };
}

inLab(
  '[CTR-9] [ENG-4] [LEASE-4] a controller killed at any moment of an update converges when it is back',
  async (t) => {
    const made = await Device.make('lxc');
    t.teardown(() => made.destroy());
    const root = await makeBusyboxRoot(join(made.directory, 'busybox'), inits.graceful);
    await mkdir(made.root, { mode: 0o700 });
    const image = await packObject(root, join(made.root, 'objects'));
    const container = (name: string, volume: string, pool: string) => ({
      [`${name}/run.json`]: { name, type: 'lxc', 'root-volume': volume, network: { pool } },
      ...(volume.startsWith('dir:') ? {} : { [`${name}/${volume}`]: image }),
    });
    const device = (pools: object) => ({ 'device.json': { network: { pools } } });
    const one = {
      ...device({ a: { bridge: 'pvbr0', subnet: '10.0.5.0/24', nat: true } }),
      ...container('x', `dir:${root}`, 'a'),
      ...container('y', 'root.squashfs', 'a'),
    };
    const other = {
      ...device({
        b: { bridge: 'pvbr0', subnet: '10.0.7.0/24' },
        c: { bridge: 'pvbr3', subnet: '10.0.8.0/24', nat: true },
      }),
      ...container('x', `dir:${root}`, 'b'),
      ...container('z', 'root.squashfs', 'c'),
    };
    const expected = [
      { state: one, bridges: ['pvbr0'], containers: ['x RUNNING', 'y RUNNING'] },
      { state: other, bridges: ['pvbr0', 'pvbr3'], containers: ['x RUNNING', 'z RUNNING'] },
    ] as const;
    await made.start();
    for (const [index, moment] of moments.entries()) {
      const { state, bridges, containers } = expected[index % 2] ?? expected[0];
      const cut = made.apply(state);
      // The moment is the point of this test: it is meant to be any, and no assertion depends on which it was.
      await new Promise((resolve) => setTimeout(resolve, moment));
      await made.end('SIGKILL');
      await cut;
      await made.start();
      const answer = await made.apply(state);
      t.is(answer.code, 0, answer.stdout);
      const now = await standing(made);
      t.deepEqual(
        { ...now, containers: now.containers.map((line) => line.replace(/\s+/, ' ')) },
        {
          bridges,
          ports: 2,
          containers,
          images: 1,
          masquerades: 1,
        },
      );
    }
  },
);
