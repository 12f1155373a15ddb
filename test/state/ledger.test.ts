import test from 'ava';
import { type ContainerRequests, Ledger, type LedgerOutcome } from '../../state/ledger.ts';
import { leaseKey, type PoolSpec } from '../../state/resource.ts';
import type { HeldLease } from '../../state/revision.ts';

function bridge(name: string, subnet: string, gateway: string): PoolSpec {
  return { type: 'bridge', name, bridge: `br-${name}`, subnet, gateway, nat: false, isolated: true };
}

const internal = bridge('internal', '10.0.5.0/24', '10.0.5.1');
const tiny = bridge('tiny', '10.0.9.0/30', '10.0.9.1');

/** Container → `pool`, `pool=address`, several by comma; `!address` reserves; null: gone. */
type Wishes = Readonly<Record<string, string | null>>;

function requests(wish: string): ContainerRequests {
  const parts = wish.split(',').filter((part) => part !== '');
  const leases = parts
    .filter((part) => !part.startsWith('!'))
    .map((part, index) => {
      const [pool = '', staticAddress = null] = part.split('=');
      return { pool, interface: `eth${index}`, staticAddress };
    });
  const reservedAddresses = parts.filter((part) => part.startsWith('!')).map((part) => part.slice(1));
  return { leases, reservedAddresses };
}

class Book {
  readonly ledger: Ledger;
  readonly #order: string[] = [];

  constructor(held: readonly HeldLease[] = []) {
    this.ledger = new Ledger(held);
  }

  change(wishes: Wishes, pools: Readonly<Record<string, PoolSpec | null>> = {}): LedgerOutcome {
    return this.attempt(wishes, pools).outcome;
  }

  attempt(wishes: Wishes, pools: Readonly<Record<string, PoolSpec | null>> = {}) {
    for (const name of Object.keys(wishes)) if (!this.#order.includes(name)) this.#order.push(name);
    const entries = Object.entries(wishes);
    return this.ledger.transact({
      pools: new Map(Object.entries(pools)),
      containers: new Map(entries.map(([name, wish]) => [name, wish === null ? null : requests(wish)])),
      orderOf: (name) => this.#order.indexOf(name),
    });
  }

  /** The address of a container's lease, or the code of its conflict. */
  of(container: string, pool = 'internal', face = 'eth0'): string | undefined {
    const grant = this.ledger.grant(leaseKey(pool, container, face));
    if (grant === undefined) return undefined;
    return grant.conflict === null ? grant.address : grant.conflict.code;
  }
}

function held(container: string, address: string, pool = 'internal'): HeldLease {
  return { pool, container, interface: 'eth0', address };
}

test('[LEASE-1] leases are given upward from the gateway in the order of the revision', (t) => {
  const book = new Book();
  const outcome = book.change({ server: 'internal', client: 'internal' }, { internal });
  t.deepEqual([book.of('server'), book.of('client')], ['10.0.5.2', '10.0.5.3']);
  t.deepEqual(outcome.held, [held('server', '10.0.5.2'), held('client', '10.0.5.3')]);
});

test('[LEASE-3] a grant carries the MAC of its address and the prefix of the pool', (t) => {
  const book = new Book();
  book.change({ a: 'internal' }, { internal });
  t.deepEqual(book.ledger.grant(leaseKey('internal', 'a', 'eth0')), {
    conflict: null,
    address: '10.0.5.2',
    mac: '02:00:0a:00:05:02',
    prefix: 24,
  });
});

test('[LEASE-2] a static address is reserved before any dynamic one, also for a container further down', (t) => {
  const book = new Book();
  book.change({ a: 'internal', b: 'internal', c: 'internal=10.0.5.2' }, { internal });
  t.deepEqual([book.of('a'), book.of('b'), book.of('c')], ['10.0.5.3', '10.0.5.4', '10.0.5.2']);
});

const refusals = [
  { wish: 'internal=192.168.99.100', code: 'AddressOutsideSubnet', what: 'outside the subnet' },
  { wish: 'internal=10.0.5.0', code: 'AddressOutsideSubnet', what: 'the network address' },
  { wish: 'internal=10.0.5.255', code: 'AddressOutsideSubnet', what: 'the broadcast address' },
  { wish: 'internal=10.0.5.1', code: 'AddressOutsideSubnet', what: "the gateway's" },
  { wish: 'internal=10.0.5.77', code: 'AddressTaken', what: 'taken' },
];
for (const { wish, code, what } of refusals) {
  test(`[LEASE-5] a static address that is ${what} is refused with the known sentence`, (t) => {
    const book = new Book();
    book.change({ first: 'internal=10.0.5.77', second: wish }, { internal });
    const grant = book.ledger.grant(leaseKey('internal', 'second', 'eth0'));
    const address = wish.slice('internal='.length);
    const message = `failed to reserve static IP ${address} (already in use or outside subnet), refusing to start`;
    const holder = code === 'AddressTaken' ? { holder: leaseKey('internal', 'first', 'eth0') } : {};
    t.deepEqual(grant?.conflict, { code, message, ...holder });
    t.is(book.of('first'), '10.0.5.77');
  });
}

test('[LEASE-5] whoever holds an address keeps it when a newcomer asks for it, wherever that stands in the revision', (t) => {
  const book = new Book();
  book.change({ early: null, late: 'internal' }, { internal });
  book.change({ early: 'internal=10.0.5.2' });
  t.deepEqual([book.of('late'), book.of('early')], ['10.0.5.2', 'AddressTaken']);
});

test('[LEASE-5] an exhausted pool is a conflict, and who waits is served in order when something comes free', (t) => {
  const book = new Book();
  book.change({ a: 'tiny', b: 'tiny', c: 'tiny' }, { tiny });
  t.deepEqual(book.ledger.grant(leaseKey('tiny', 'b', 'eth0'))?.conflict, {
    code: 'PoolExhausted',
    message: "pool 'tiny' exhausted",
  });
  const outcome = book.change({ a: null });
  t.deepEqual([book.of('b', 'tiny'), book.of('c', 'tiny')], ['10.0.9.2', 'PoolExhausted']);
  t.deepEqual([...outcome.containers].sort(), ['a', 'b']);
  t.deepEqual(outcome.released, [held('a', '10.0.9.2', 'tiny')]);
  t.deepEqual(outcome.held, [held('b', '10.0.9.2', 'tiny')]);
});

test('[LEASE-5] an unknown pool is a conflict until the pool is defined, and again when it goes', (t) => {
  const book = new Book();
  book.change({ a: 'internal' });
  t.deepEqual(book.ledger.grant(leaseKey('internal', 'a', 'eth0')), {
    conflict: { code: 'UnknownPool', message: "references unknown pool 'internal'" },
    prefix: 0,
  });
  t.deepEqual([...book.change({}, { internal }).containers], ['a']);
  t.is(book.of('a'), '10.0.5.2');
  t.deepEqual(book.change({}, { internal: null }).released, [held('a', '10.0.5.2')]);
  t.is(book.of('a'), 'UnknownPool');
});

test('[LEASE-5] a static address is given as soon as its holder is gone', (t) => {
  const book = new Book();
  book.change({ a: 'internal=10.0.5.9', b: 'internal=10.0.5.9', c: 'internal=10.0.5.9' }, { internal });
  book.change({ a: null });
  t.deepEqual([book.of('a'), book.of('b'), book.of('c')], [undefined, '10.0.5.9', 'AddressTaken']);
});

test('[LEASE-6] a reserved address is given to nobody, and asking for it names the container that has it', (t) => {
  const book = new Book();
  book.change({ baked: '!10.0.5.2,!192.168.0.9', a: 'internal', b: 'internal=10.0.5.2' }, { internal });
  t.is(book.of('a'), '10.0.5.3');
  t.like(book.ledger.grant(leaseKey('internal', 'b', 'eth0')), {
    conflict: { code: 'AddressTaken', holder: 'container/baked' },
  });
  book.change({ baked: null });
  t.is(book.of('b'), '10.0.5.2');
});

test('[LEASE-6] an address that is leased when another container comes with it baked in is a conflict of that one', (t) => {
  const book = new Book();
  book.change({ a: 'internal' }, { internal });
  book.change({ baked: '!10.0.5.2' });
  t.is(book.of('a'), '10.0.5.2');
  t.like(book.ledger.reservationConflict('baked'), {
    code: 'AddressTaken',
    holder: leaseKey('internal', 'a', 'eth0'),
  });
  t.deepEqual([...book.change({ a: null }).containers].sort(), ['a', 'baked']);
  t.is(book.ledger.reservationConflict('baked'), null);
  book.change({ c: 'internal' });
  t.is(book.of('c'), '10.0.5.3');
});

test('[LEASE-6] a container may ask for the address that is reserved for itself', (t) => {
  const book = new Book();
  book.change({ a: 'internal=10.0.5.7,!10.0.5.7' }, { internal });
  t.is(book.of('a'), '10.0.5.7');
  t.is(book.ledger.reservationConflict('a'), null);
});

test('[LEASE-7] asking again for what one has is no collision, static or not', (t) => {
  const book = new Book();
  book.change({ a: 'internal', b: 'internal=10.0.5.9' }, { internal });
  const outcome = book.change({ a: 'internal', b: 'internal=10.0.5.9' });
  t.deepEqual([book.of('a'), book.of('b')], ['10.0.5.2', '10.0.5.9']);
  t.deepEqual([outcome.held, outcome.released, [...outcome.containers]], [[], [], []]);
});

test('[LEASE-7] an address stays when a container asks for the one it has, or stops asking for a certain one', (t) => {
  const book = new Book();
  book.change({ a: 'internal', b: 'internal' }, { internal });
  book.change({ b: 'internal=10.0.5.3' });
  t.is(book.of('b'), '10.0.5.3');
  book.change({ b: 'internal', a: null });
  t.is(book.of('b'), '10.0.5.3');
});

test('[LEASE-2] two containers can exchange their static addresses in one change', (t) => {
  const book = new Book();
  book.change({ a: 'internal=10.0.5.7', b: 'internal=10.0.5.8' }, { internal });
  book.change({ a: 'internal=10.0.5.8', b: 'internal=10.0.5.7' });
  t.deepEqual([book.of('a'), book.of('b')], ['10.0.5.8', '10.0.5.7']);
});

test('[LEASE-7] a pool that changes leaves every lease alone that is still possible in it', (t) => {
  const book = new Book();
  book.change({ a: 'internal', b: 'internal', c: 'internal=10.0.5.200' }, { internal });
  const outcome = book.change({}, { internal: bridge('internal', '10.0.5.0/25', '10.0.5.2') });
  t.deepEqual([book.of('a'), book.of('b'), book.of('c')], ['10.0.5.4', '10.0.5.3', 'AddressOutsideSubnet']);
  t.deepEqual([...outcome.containers].sort(), ['a', 'c']);
});

test('[LEASE-1] leases of an earlier run keep their addresses, and those that nobody wants any more are released', (t) => {
  const book = new Book([held('b', '10.0.5.2'), held('gone', '10.0.5.3'), held('c', '10.0.5.9')]);
  const outcome = book.change({ a: 'internal', b: 'internal', c: 'internal=10.0.5.20' }, { internal });
  t.deepEqual([book.of('a'), book.of('b'), book.of('c')], ['10.0.5.3', '10.0.5.2', '10.0.5.20']);
  t.deepEqual(outcome.released, [held('gone', '10.0.5.3'), held('c', '10.0.5.9')]);
  t.deepEqual(outcome.held, [held('a', '10.0.5.3'), held('c', '10.0.5.20')]);
});

test('a lease of an earlier run that is damaged or a copy is passed over', (t) => {
  const damaged = [
    held('a', 'nonsense'),
    held('b', '10.0.5.4'),
    held('c', '10.0.5.4'),
    held('b', '10.0.5.5'),
  ];
  const book = new Book(damaged);
  book.change({ a: 'internal', b: 'internal', c: 'internal' }, { internal });
  t.deepEqual([book.of('a'), book.of('b'), book.of('c')], ['10.0.5.2', '10.0.5.4', '10.0.5.3']);
});

test('a transaction that is undone leaves everything as it was, and can be carried out again', (t) => {
  const book = new Book([held('old', '10.0.5.50')]);
  const first = book.attempt({ old: 'internal', a: 'internal' }, { internal });
  first.undo();
  t.deepEqual(book.ledger.held(), [held('old', '10.0.5.50')]);
  t.is(book.of('a'), undefined);
  const again = book.attempt({ old: 'internal', a: 'internal' }, { internal });
  t.deepEqual(again.outcome, first.outcome);
  const before = book.ledger.held();
  const wishes = { a: null, b: 'internal=10.0.5.2', c: 'tiny,internal,!10.0.5.3', old: 'internal=10.0.5.60' };
  book.attempt(wishes, { internal: bridge('internal', '10.0.5.0/26', '10.0.5.2'), tiny }).undo();
  t.deepEqual(book.ledger.held(), before);
  book.change({ d: 'internal' });
  t.is(book.of('d'), '10.0.5.3');
});

test('one container may have a lease of several pools', (t) => {
  const book = new Book();
  book.change({ a: 'internal,tiny,internal' }, { internal, tiny });
  t.deepEqual(
    [book.of('a'), book.of('a', 'tiny', 'eth1'), book.of('a', 'internal', 'eth2')],
    ['10.0.5.2', '10.0.9.2', '10.0.5.3'],
  );
});

test('[LEASE-4] what a change frees is given to its newcomers last, and to later ones as any other', (t) => {
  const book = new Book();
  book.change({ a: 'internal', b: 'internal' }, { internal });
  book.change({ a: null, c: 'internal' });
  t.is(book.of('c'), '10.0.5.4');
  book.change({ d: 'internal' });
  t.is(book.of('d'), '10.0.5.2');
});

test('[LEASE-4] an address that was only reserved for a container is given last, too, when the change drops it', (t) => {
  const book = new Book();
  book.change({ a: '!10.0.5.2' }, { internal });
  book.change({ a: '', b: 'internal' });
  t.is(book.of('b'), '10.0.5.3');
});

test('[LEASE-4] what a change frees is given where nothing else is free, the first of it first, and to statics at once', (t) => {
  const small = bridge('internal', '10.0.5.0/29', '10.0.5.1');
  const book = new Book();
  book.change({ a: 'internal', b: 'internal', c: 'internal' }, { internal: small });
  const wishes = { d: 'internal', e: 'internal', f: 'internal', g: 'internal=10.0.5.2', h: 'internal' };
  book.change({ a: null, b: null, c: null, ...wishes });
  t.deepEqual(
    ['d', 'e', 'f', 'g', 'h'].map((name) => book.of(name)),
    ['10.0.5.5', '10.0.5.6', '10.0.5.3', '10.0.5.2', '10.0.5.4'],
  );
});

test('a transaction that is undone can be done again, with others in between that are undone too', (t) => {
  const book = new Book([held('old', '10.0.5.50')]);
  book.change({ a: 'internal', r: '!10.0.5.9' }, { internal });
  const trial = book.attempt(
    { a: null, b: 'internal=10.0.5.9', c: 'tiny,internal', r: '!10.0.5.8' },
    { internal: bridge('internal', '10.0.5.0/28', '10.0.5.2'), tiny },
  );
  const after = { held: book.ledger.held(), b: book.of('b'), c: book.of('c', 'tiny') };
  trial.undo();
  t.is(book.of('a'), '10.0.5.2');
  book.attempt({ c: 'internal', d: 'internal', a: 'internal=10.0.5.77' }, { tiny: null }).undo();
  trial.redo();
  t.deepEqual({ held: book.ledger.held(), b: book.of('b'), c: book.of('c', 'tiny') }, after);
  book.change({ e: 'internal' });
  t.is(book.of('e'), '10.0.5.4');
});

test('[LEASE-8] 65,000 leases that are given up, and more that are asked for instead, cost each what one does', (t) => {
  const book = new Book();
  const large = bridge('internal', '10.0.0.0/15', '10.0.0.1');
  const transact = (gone: readonly string[], come: readonly string[]) =>
    book.ledger.transact({
      pools: new Map([['internal', large]]),
      containers: new Map([
        ...gone.map((name) => [name, null] as const),
        ...come.map((name) => [name, requests('internal')] as const),
      ]),
      orderOf: (name) => Number(name.slice(1)),
    });
  const named = (letter: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${letter}${index}`);
  const old = named('o', 65_000);
  transact([], old);
  // 131,069 addresses can be had: the last newcomer finds none that was free before.
  const { outcome } = transact(old, named('n', 131_069 - 65_000 + 1));
  t.is(outcome.released.length, 65_000);
  t.is(outcome.held.length, 66_070);
  t.deepEqual(
    [book.of('n0'), book.of('n66068'), book.of('n66069')],
    ['10.0.253.234', '10.1.255.254', '10.0.0.2'],
  );
});
