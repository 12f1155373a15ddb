import { parseAddress } from './address.ts';
import type { Finding } from './finding.ts';
import { finding } from './finding-catalog.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import { pointerTo } from './pointer.ts';

/** What may be said about a container's network outside `interfaces` (CTR-2, REV-4, REV-5). */
export type NetworkField = 'mode' | 'pool' | 'hostname' | 'address' | 'mac';

/** One thing said about a container's network, and where. */
export interface Statement {
  readonly field: NetworkField;
  readonly value: string;
  readonly path: readonly (string | number)[];
}

/** Everything that one document says about the network. Only what is of the right shape. */
export interface NetworkSource {
  readonly statements: readonly Statement[];
  readonly interfaces: readonly InterfaceStatement[];
}

/** One member of `interfaces`, and where. */
export interface InterfaceStatement {
  readonly document: JsonObject;
  readonly path: readonly (string | number)[];
}

const networkMembers: Readonly<Record<string, NetworkField>> = {
  mode: 'mode',
  pool: 'pool',
  hostname: 'hostname',
  static_ip: 'address',
  ip: 'address',
  mac: 'mac',
};

const argumentMembers: Readonly<Record<string, NetworkField>> = {
  PV_NETWORK_POOL: 'pool',
  PV_NETWORK_HOSTNAME: 'hostname',
  PV_NETWORK_IP: 'address',
  PV_NETWORK_MAC: 'mac',
};

const interfaceMembers: Readonly<Record<string, NetworkField>> = {
  ipv4_address: 'address',
  mac_address: 'mac',
};

/** What `document` says, by its `network` and by arguments with names of their own; `path` leads to it. */
export function readNetworkSource(
  document: Json | undefined,
  path: readonly (string | number)[],
): NetworkSource {
  if (!isJsonObject(document)) return { statements: [], interfaces: [] };
  const network = isJsonObject(document.network) ? document.network : {};
  const networkPath = [...path, 'network'];
  const interfaces = (Array.isArray(network.interfaces) ? network.interfaces : []).flatMap(
    (face: Json, index: number) =>
      isJsonObject(face) ? [{ document: face, path: [...networkPath, 'interfaces', index] }] : [],
  );
  const [first] = interfaces;
  const statements = [
    ...statementsOf(network, networkMembers, networkPath),
    ...(first === undefined ? [] : statementsOf(first.document, interfaceMembers, first.path)),
    ...statementsOf(document, argumentMembers, path),
  ];
  return { statements, interfaces };
}

/** What one interface says about its own address and MAC. */
export function statementsOfInterface({ document, path }: InterfaceStatement): readonly Statement[] {
  return statementsOf(document, interfaceMembers, path);
}

function statementsOf(
  document: JsonObject,
  members: Readonly<Record<string, NetworkField>>,
  path: readonly (string | number)[],
): readonly Statement[] {
  return Object.entries(members).flatMap(([member, field]) => {
    const value = Object.hasOwn(document, member) ? document[member] : undefined;
    return typeof value === 'string' ? [{ field, value, path: [...path, member] }] : [];
  });
}

/**
 * What holds of `field`: run.json's word, else that of args.json, else that of src.json (REV-4). An address or MAC is
 * never overruled, since it may be spelled anywhere (REV-5): run.json and its arguments must agree. Two statements that
 * should agree and don't are reported at the later one, both named.
 */
export function choose(
  field: NetworkField,
  [run, args, src]: readonly [NetworkSource, NetworkSource, NetworkSource],
): { readonly statement: Statement | null; readonly finding: Finding | null } {
  const of = (source: NetworkSource) => source.statements.filter((statement) => statement.field === field);
  const argued = of(args).length > 0 ? of(args) : of(src);
  const spelledAnywhere = field === 'address' || field === 'mac';
  const candidates = spelledAnywhere ? [...of(run), ...argued] : of(run).length > 0 ? of(run) : argued;
  const [statement] = candidates;
  if (statement === undefined) return { statement: null, finding: null };
  const other = candidates.find((candidate) => meaning(candidate) !== meaning(statement));
  return { statement, finding: other === undefined ? null : disagreement(statement, other) };
}

/** What is compared: equal for two spellings of one thing. */
function meaning({ field, value }: Statement): string {
  if (field === 'address') return String(addressOf(value) ?? value);
  return field === 'pool' ? value : value.toLowerCase();
}

/** The address that a manifest gives, which may have a prefix: the pool's counts. Null when it is none. */
export function addressOf(text: string): number | null {
  return parseAddress(text.replace(/\/([12]?\d|3[0-2])$/, ''));
}

/** `network.static_ip of web/run.json` */
export function placeOf({ path }: Pick<Statement, 'path'>): string {
  const [file, ...members] = path;
  return `${members.join('.')} of ${file}`;
}

function disagreement(one: Statement, other: Statement): Finding {
  const expected = `'${one.value}', as ${placeOf(one)} says, or nothing`;
  return finding('SpellingsDisagree', {
    pointer: pointerTo(...other.path),
    found: other.value,
    expected,
    message: `found '${other.value}' as ${placeOf(other)}, and '${one.value}' as ${placeOf(one)}; expected the two to agree, or one alone`,
    hint: 'keep one of the two',
  });
}
