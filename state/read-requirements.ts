import { type Finding, quote } from './finding.ts';
import { finding } from './finding-catalog.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import { MAX_SERVICES } from './limits.ts';
import { targetDescription, targetProblem, targetsTwice } from './link-target.ts';
import type { ServiceRequirement } from './manifest.ts';
import { isBusName, isRole } from './names.ts';
import { placeOf } from './network-statements.ts';
import { pointerTo } from './pointer.ts';
import { isServiceType } from './service-types.ts';

type Path = readonly (string | number)[];

/** One requirement as one document has it, and where. */
interface Statement {
  readonly requirement: ServiceRequirement;
  readonly path: Path;
}

/**
 * Reads which services container `name` uses (LINK-1): what run.json says, and what PV_SERVICES_REQUIRED of args.json says beside it, or that
 * of `args` of src.json where args.json has none (REV-4). What both say is one requirement, and each may say what the other leaves out;
 * where they contradict each other, that is an error. Values of a wrong shape are reported elsewhere: a requirement with one is passed over.
 */
export function readRequirements(
  name: string,
  documents: {
    readonly run: Json | undefined;
    readonly args: Json | undefined;
    readonly src: Json | undefined;
  },
): { readonly requirements: readonly ServiceRequirement[]; readonly findings: readonly Finding[] } {
  const services = isJsonObject(documents.run) ? documents.run.services : undefined;
  const ofRun = [
    ...statementsOf(services, 'required', [`${name}/run.json`, 'services'], false),
    ...statementsOf(services, 'optional', [`${name}/run.json`, 'services'], true),
  ];
  const ofArgs = statementsOf(documents.args, 'PV_SERVICES_REQUIRED', [`${name}/args.json`], false);
  const ofSrc = statementsOf(documents.src, 'PV_SERVICES_REQUIRED', [`${name}/src.json`, 'args'], false);
  const { requirements, findings } = united(ofRun, ofArgs.length > 0 ? ofArgs : ofSrc);
  const placed = requirements.flatMap(({ name: service, target, pointer }) =>
    target === null ? [] : [{ service, target, pointer }],
  );
  return {
    requirements,
    findings: [
      ...[...ofRun, ...ofArgs, ...ofSrc].flatMap(valueFindings),
      ...findings,
      ...targetsTwice(name, placed),
    ],
  };
}

function statementsOf(
  document: Json | undefined,
  member: string,
  path: Path,
  optional: boolean,
): readonly Statement[] {
  const list = isJsonObject(document) && Object.hasOwn(document, member) ? document[member] : undefined;
  if (!Array.isArray(list)) return [];
  return list.slice(0, MAX_SERVICES).flatMap((entry: Json, index: number) => {
    const at = [...path, member, index];
    const requirement = isJsonObject(entry) ? requirementOf(entry, optional, pointerTo(...at)) : null;
    return requirement === null ? [] : [{ requirement, path: at }];
  });
}

/** Null where something of it has a wrong shape. */
function requirementOf(entry: JsonObject, optional: boolean, pointer: string): ServiceRequirement | null {
  const { name, type = null, target = null, interface: face = null, role = null } = entry;
  if (typeof name !== 'string' || name === '') return null;
  if (!isTextOrNull(type) || !isTextOrNull(target) || !isTextOrNull(face) || !isTextOrNull(role)) return null;
  if (type !== null && !isServiceType(type)) return null;
  if (target !== null && !target.startsWith('/')) return null;
  return { name, type, target, interface: face, role, optional, pointer };
}

function isTextOrNull(value: Json): value is string | null {
  return value === null || typeof value === 'string';
}

/** What is wrong with the values of a requirement, each by itself. */
function valueFindings({ requirement, path }: Statement): readonly Finding[] {
  const { target, interface: face, role } = requirement;
  const findings: Finding[] = [];
  const problem = target === null ? null : targetProblem(target);
  const note = (
    code: 'ServiceTargetInvalid' | 'ServiceInterfaceInvalid' | 'ServiceRoleInvalid',
    member: 'target' | 'interface' | 'role',
    what: string,
    expected: string,
  ): void => {
    const at = [...path, member];
    const found = requirement[member] ?? undefined;
    const message = `found ${what} as ${placeOf({ path: at })}, expected ${expected}`;
    findings.push(finding(code, { pointer: pointerTo(...at), found, expected, message }));
  };
  if (target !== null && problem !== null) {
    note('ServiceTargetInvalid', 'target', `${problem}, ${quote(target)},`, targetDescription);
  }
  if (face !== null && !isBusName(face)) {
    const expected = 'a name of a D-Bus service or interface such as "org.example.Clock"';
    note('ServiceInterfaceInvalid', 'interface', quote(face), expected);
  }
  if (role !== null && !isRole(role)) {
    const expected = '1-256 printable ASCII characters, without a space at the ends';
    note('ServiceRoleInvalid', 'role', quote(role), expected);
  }
  return findings;
}

/** Requirements of run.json, then those that are argued alone. */
function united(
  ofRun: readonly Statement[],
  argued: readonly Statement[],
): { readonly requirements: readonly ServiceRequirement[]; readonly findings: readonly Finding[] } {
  const all = [...ofRun];
  const open = Map.groupBy(ofRun.keys(), (index) => ofRun[index]?.requirement.name ?? '');
  const findings: Finding[] = [];
  for (const said of argued) {
    const candidates = open.get(said.requirement.name) ?? [];
    const index =
      candidates.find((each) => all[each]?.requirement.target === said.requirement.target) ??
      candidates.find((each) => isSilent(all[each]) || isSilent(said));
    const own = index === undefined ? undefined : all[index];
    if (index === undefined || own === undefined) {
      all.push(said);
      continue;
    }
    // One requirement of run.json stands for one of the arguments: a second one is another link.
    candidates.splice(candidates.indexOf(index), 1);
    all[index] = { ...own, requirement: joined(own.requirement, said.requirement) };
    findings.push(...disagreements(own, said));
  }
  return { requirements: all.map(({ requirement }) => requirement), findings };
}

function isSilent(statement: Statement | undefined): boolean {
  return statement?.requirement.target === null;
}

function joined(own: ServiceRequirement, said: ServiceRequirement): ServiceRequirement {
  return {
    ...own,
    type: own.type ?? said.type,
    target: own.target ?? said.target,
    interface: own.interface ?? said.interface,
    role: own.role ?? said.role,
  };
}

function disagreements(own: Statement, said: Statement): readonly Finding[] {
  const members = (['type', 'interface', 'role'] as const).flatMap((member) => {
    const [one, other] = [own.requirement[member], said.requirement[member]];
    return one === null || other === null || one === other
      ? []
      : [disagreement([quote(one), [...own.path, member]], [quote(other), [...said.path, member]], other)];
  });
  if (!own.requirement.optional) return members;
  const name = quote(own.requirement.name);
  return [
    ...members,
    disagreement(
      [`${name} as optional`, own.path],
      [`${name} as required`, said.path],
      said.requirement.name,
    ),
  ];
}

function disagreement(
  [one, onePath]: readonly [string, Path],
  [other, otherPath]: readonly [string, Path],
  found: string,
): Finding {
  const expected = `${one}, as ${placeOf({ path: onePath })} says, or nothing`;
  return finding('SpellingsDisagree', {
    pointer: pointerTo(...otherPath),
    found,
    expected,
    message: `found ${other} in ${placeOf({ path: otherPath })}, and ${one} in ${placeOf({ path: onePath })}; expected the two to agree, or one alone`,
    hint: 'keep one of the two',
  });
}
