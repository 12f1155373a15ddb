import { filter, firstValueFrom } from 'rxjs';
import type { Step } from '../adapters/adapter.ts';
import { MemoryAdapter } from '../adapters/memory/memory-adapter.ts';
import { systemClock } from '../controller/clock.ts';
import { Engine } from '../controller/engine.ts';
import { nothingKept } from '../controller/restore.ts';
import { Runner } from '../controller/runner.ts';
import type { Json } from '../state/json.ts';
import type { Key } from '../state/resource.ts';
import type { FlatState, StateChange } from '../state/revision.ts';
import { DesiredStore } from '../state/store.ts';
import { inTurns, type Reading, reading, timed } from './measure.ts';

/** The container whose address changes. */
const moving = 'c7';

/** One pool and `containers` containers on it: twice as many resources, and one. */
function revisionOf(containers: number): FlatState {
  const pools = { internal: { subnet: '10.1.0.0/16' } };
  const run = (name: string): Json => {
    const network = name === moving ? { pool: 'internal', static_ip: '10.1.200.1' } : { pool: 'internal' };
    return { '#spec': 'service-manifest-run@1', name, type: 'lxc', 'root-volume': 'dir:/srv/root', network };
  };
  const runs = Array.from(
    { length: containers },
    (_, index) => [`c${index}/run.json`, run(`c${index}`)] as const,
  );
  return {
    '#spec': 'pantavisor-service-system@1',
    'device.json': { network: { pools } },
    ...Object.fromEntries(runs),
  };
}

const noFacts = { texts: {}, missing: [] };

/** A controller on a host in memory, without a process, a socket or a disk around it. */
class MemoryDevice {
  readonly #runner: Runner;
  readonly engine: Engine;
  /** Resources that have taken a step. */
  readonly stepped = new Set<Key>();

  constructor() {
    this.engine = new Engine(new DesiredStore({}), nothingKept);
    const fault = (step: Step) => {
      this.stepped.add(step.key);
      return null;
    };
    const parts = { adapter: new MemoryAdapter({ fault }), clock: systemClock(), persist: () => undefined };
    this.#runner = new Runner({ engine: this.engine, ...parts });
    this.#runner.start();
  }

  /** Resolves when every resource is ready. */
  async apply(change: StateChange): Promise<void> {
    const settled = () => this.engine.atRest(1) && this.engine.board.troubled().size === 0;
    const rest = firstValueFrom(this.#runner.bursts.pipe(filter(settled)), { defaultValue: undefined });
    const answer = await this.#runner.submit({
      change,
      facts: noFacts,
      source: 'bench',
      message: null,
      commitAfterMs: null,
      unconditional: false,
    });
    if (!answer.accepted) throw new Error(`refused: ${JSON.stringify(answer.findings)}`);
    if (!settled()) await rest;
  }

  stop(): Promise<void> {
    return this.#runner.stop();
  }
}

async function settled(containers: number): Promise<MemoryDevice> {
  const device = new MemoryDevice();
  await device.apply({ type: 'replace', state: revisionOf(containers) });
  return device;
}

/** Moves the one container back and forth between two addresses. */
function mover(device: MemoryDevice): () => Promise<void> {
  let moves = 0;
  return () => {
    moves += 1;
    const value = `10.1.200.${1 + (moves % 2)}`;
    const path = `/${moving}~1run.json/network/static_ip`;
    return device.apply({ type: 'patch', operations: [{ op: 'replace', path, value }] });
  };
}

/** ENG-6: what one changed resource costs among many, against the same among few. */
async function change(): Promise<readonly Reading[]> {
  const many = await settled(5_000);
  const few = await settled(50);
  const moveInMany = mover(many);
  const moveInFew = mover(few);
  many.stepped.clear();
  const before = many.engine.planned;
  await moveInMany();
  const planned = many.engine.planned - before;
  const stepped = many.stepped.size;
  const [inMany = 0, inFew = 0] = await inTurns(101, [() => timed(moveInMany), () => timed(moveInFew)]);
  await Promise.all([many.stop(), few.stop()]);
  const peer = { name: 'the same in 100 resources', value: inFew };
  const limit = { of: 'ratio', atMost: 2 } as const;
  return [
    reading(
      {
        name: 'resources that one address changed in 10,000 moves',
        unit: 'resources',
        limit: { of: 'value', atMost: 5 },
      },
      stepped,
    ),
    // Each of them is planned before and after each of its steps, and when what it waits for moves.
    reading(
      {
        name: 'plans for one address changed in 10,000 resources',
        unit: 'plans',
        limit: { of: 'value', atMost: 9 },
      },
      planned,
    ),
    reading({ name: 'one address changed in 10,000 resources', unit: 'ms', peer, limit }, inMany),
  ];
}

export async function engine(): Promise<readonly Reading[]> {
  const [settle = 0] = await inTurns(5, [
    () =>
      timed(async () => {
        await (await settled(5_000)).stop();
      }),
  ]);
  const limit = { of: 'value', atMost: 1500 } as const;
  return [
    reading({ name: '10,000 resources compiled and settled in memory', unit: 'ms', limit }, settle),
    ...(await change()),
  ];
}
