import { formatAddress } from './address.ts';
import { type Finding, quote } from './finding.ts';
import { type FindingCode, finding } from './finding-catalog.ts';
import type { Json } from './json.ts';
import type { InterfaceManifest } from './manifest.ts';
import { isHostname, isInterfaceName, isName, macAddressPattern } from './names.ts';
import {
  addressOf,
  choose,
  type InterfaceStatement,
  type NetworkSource,
  placeOf,
  readNetworkSource,
  type Statement,
  statementsOfInterface,
} from './network-statements.ts';
import { pointerTo } from './pointer.ts';

/** What a container's documents say about its network; its LXC configuration has a word in it yet. */
export interface NetworkWish {
  /** Null: nothing is said. */
  readonly mode: 'pool' | 'host' | 'none' | null;
  /** Where the mode, or what implies it, stands. Null with `mode`. */
  readonly modePointer: string | null;
  readonly hostname: string | null;
  /** Empty unless `mode` is `pool`. */
  readonly interfaces: readonly InterfaceManifest[];
  readonly findings: readonly Finding[];
}

/** What holds of the fields that are said once for a container. */
interface Chosen {
  readonly mode: Statement | null;
  readonly pool: Statement | null;
  readonly hostname: Statement | null;
  readonly address: Statement | null;
  readonly mac: Statement | null;
  /** Of the first document that has any. */
  readonly interfaces: readonly InterfaceStatement[];
}

/**
 * Reads what run.json, args.json and `args` of src.json say about the network of container `name`, field by field
 * (REV-4, REV-5, CTR-2). Values of a wrong shape are reported elsewhere and count as not said.
 */
export function readNetwork(
  name: string,
  documents: {
    readonly run: Json | undefined;
    readonly args: Json | undefined;
    readonly src: Json | undefined;
  },
): NetworkWish {
  const sources = [
    readNetworkSource(documents.run, [`${name}/run.json`]),
    readNetworkSource(documents.args, [`${name}/args.json`]),
    readNetworkSource(documents.src, [`${name}/src.json`, 'args']),
  ] as const;
  const { chosen, findings } = chooseAll(sources);
  const mode = readMode(chosen);
  const faces = mode.mode === 'pool' ? readInterfaces(chosen) : { interfaces: [], findings: [] };
  return {
    mode: mode.mode,
    modePointer: mode.pointer,
    hostname: chosen.hostname !== null && isHostname(chosen.hostname.value) ? chosen.hostname.value : null,
    interfaces: faces.interfaces,
    findings: [...findings, ...addressFindings(sources), ...mode.findings, ...faces.findings],
  };
}

function chooseAll(sources: readonly [NetworkSource, NetworkSource, NetworkSource]): {
  readonly chosen: Chosen;
  readonly findings: readonly Finding[];
} {
  const mode = choose('mode', sources);
  const pool = choose('pool', sources);
  const hostname = choose('hostname', sources);
  const address = choose('address', sources);
  const mac = choose('mac', sources);
  const interfaces = sources.find((source) => source.interfaces.length > 0)?.interfaces ?? [];
  return {
    chosen: {
      mode: mode.statement,
      pool: pool.statement,
      hostname: hostname.statement,
      address: address.statement,
      mac: mac.statement,
      interfaces,
    },
    findings: [mode, pool, hostname, address, mac].flatMap((choice) => choice.finding ?? []),
  };
}

/** Every address that is said anywhere, whether it counts or not. */
function addressFindings(sources: readonly NetworkSource[]): readonly Finding[] {
  const statements = sources.flatMap((source) => [
    ...source.statements,
    ...source.interfaces.slice(1).flatMap(statementsOfInterface),
  ]);
  return statements.flatMap((statement) => {
    if (statement.field !== 'address' || addressOf(statement.value) !== null) return [];
    const expected = 'an IPv4 address such as "10.0.5.2"';
    const message = `found ${quote(statement.value)} as ${placeOf(statement)}, expected ${expected}`;
    return [at('AddressInvalid', statement, expected, message)];
  });
}

interface ModeReading {
  readonly mode: NetworkWish['mode'];
  readonly pointer: string | null;
  readonly findings: readonly Finding[];
}

function readMode({ mode, pool, address, mac, interfaces }: Chosen): ModeReading {
  const [face] = interfaces;
  const needsPool = pool ?? address ?? mac ?? (face === undefined ? null : ofInterface(face));
  if (mode === null) {
    if (needsPool === null) return { mode: null, pointer: null, findings: [] };
    const wanted = pool !== null || interfaces.length > 0;
    if (!wanted) return { mode: null, pointer: null, findings: [noPool(needsPool)] };
    return { mode: 'pool', pointer: pointerTo(...needsPool.path), findings: [] };
  }
  const pointer = pointerTo(...mode.path);
  if (mode.value === 'pool') {
    return { mode: 'pool', pointer, findings: pool === null && face === undefined ? [noPool(mode)] : [] };
  }
  if (mode.value !== 'host' && mode.value !== 'none') return { mode: null, pointer: null, findings: [] };
  return { mode: mode.value, pointer, findings: needsPool === null ? [] : [contradiction(mode, needsPool)] };
}

/** An interface as a place that wants a pool. */
function ofInterface({ path }: InterfaceStatement): Statement {
  return { field: 'pool', value: '', path };
}

function readInterfaces(chosen: Chosen): {
  readonly interfaces: readonly InterfaceManifest[];
  readonly findings: readonly Finding[];
} {
  const { pool } = chosen;
  if (chosen.interfaces.length === 0) {
    const face = pool === null ? null : interfaceOf('eth0', pool, chosen.address, chosen.mac);
    return { interfaces: face === null ? [] : [face], findings: [] };
  }
  const interfaces: InterfaceManifest[] = [];
  const findings: Finding[] = [];
  for (const [index, statement] of chosen.interfaces.entries()) {
    const own = statementsOfInterface(statement);
    const address = index === 0 ? chosen.address : own.find(({ field }) => field === 'address');
    const mac = index === 0 ? chosen.mac : own.find(({ field }) => field === 'mac');
    const facePool = poolOf(statement) ?? pool;
    const face = facePool === null ? null : interfaceOf(nameOf(statement, index), facePool, address, mac);
    if (facePool === null) findings.push(noPool(ofInterface(statement)));
    else if (face !== null && interfaces.some((other) => other.name === face.name)) {
      findings.push(duplicateInterface(face.name, statement));
    } else if (face !== null) interfaces.push(face);
  }
  return { interfaces, findings };
}

function poolOf({ document, path }: InterfaceStatement): Statement | null {
  return typeof document.pool === 'string'
    ? { field: 'pool', value: document.pool, path: [...path, 'pool'] }
    : null;
}

function nameOf({ document }: InterfaceStatement, index: number): string {
  return typeof document.name === 'string' ? document.name : `eth${index}`;
}

/** Null when a part of it has a wrong form, which is reported elsewhere. */
function interfaceOf(
  name: string,
  pool: Statement,
  address: Statement | null | undefined,
  mac: Statement | null | undefined,
): InterfaceManifest | null {
  const parsed = address === null || address === undefined ? null : addressOf(address.value);
  const macValue = mac?.value ?? null;
  if (!isName(pool.value) || !isInterfaceName(name)) return null;
  if (macValue !== null && !macAddressPattern.test(macValue)) return null;
  return {
    name,
    pool: pool.value,
    staticAddress: parsed === null ? null : formatAddress(parsed),
    mac: macValue?.toLowerCase() ?? null,
    pointer: pointerTo(...(address ?? pool).path),
  };
}

function at(code: FindingCode, { path, value }: Statement, expected: string, message: string): Finding {
  return finding(code, {
    pointer: pointerTo(...path),
    found: value === '' ? undefined : value,
    expected,
    message,
  });
}

function noPool(statement: Statement): Finding {
  const expected = '`network.pool` with the name of a pool';
  return at(
    'PoolMissing',
    statement,
    expected,
    `found ${placeOf(statement)}, and no pool; expected ${expected}`,
  );
}

function contradiction(mode: Statement, other: Statement): Finding {
  const expected = `mode "pool", or no ${placeOf(other)}`;
  const message = `found mode "${mode.value}" as ${placeOf(mode)}, and ${placeOf(other)}, which needs a pool; expected ${expected}`;
  return at('NetworkModeConflict', mode, expected, message);
}

function duplicateInterface(name: string, { document, path }: InterfaceStatement): Finding {
  const named = document.name === undefined ? path : [...path, 'name'];
  const expected = 'a name that no other interface has';
  return finding('InterfaceDuplicate', {
    pointer: pointerTo(...named),
    found: name,
    expected,
    message: `found a second interface named '${name}' in ${path[0]}, expected ${expected}`,
  });
}
