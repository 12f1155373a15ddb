import { configPrefix } from './component.ts';
import { readContainerConfig } from './container-config.ts';
import { type ContainerFiles, readConfigFile, readConfigFiles, readRootVolume } from './container-files.ts';
import { inDocumentOrder } from './document-order.ts';
import { acceptable, type Finding, quote } from './finding.ts';
import { finding } from './finding-catalog.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import type { ContainerManifest } from './manifest.ts';
import { isName, nameDescription } from './names.ts';
import { pointerTo } from './pointer.ts';
import { readRestartPolicy, readStatusGoal } from './read-group.ts';
import { readNetwork } from './read-network.ts';
import { readRecovery } from './read-recovery.ts';
import { readRequirements } from './read-requirements.ts';
import { readServices } from './read-services.ts';
import type { Persistence } from './resource.ts';
import { checkShape, type DocumentSchema } from './schema/check.ts';
import { publishedSchemas } from './schema/published.ts';
import { unsupportedFields } from './unsupported-fields.ts';

/** The specification of `run.json` that is read; a document that names none is taken to mean it. */
const runSpec = 'service-manifest-run@1';

/** What Pantavisor's own templates ask for where nothing is said (CTR-4). */
const defaultPersistence: Persistence = 'boot';

/** What comes of one component of the state. */
interface ContainerReading {
  /** Null: it is no container, or has an error. */
  readonly manifest: ContainerManifest | null;
  readonly findings: readonly Finding[];
}

/**
 * Reads one container from all entries of its component (REV-4, REV-5, CTR-1 to CTR-4, LEASE-6): `documents` has them by
 * their full paths (see `componentOf`), in the order of the state, and `texts` the texts of objects by sha256. Without
 * the text of its LXC configuration a container is read as if that were empty: what misses an object does not start. A
 * component is a container when it has a `run.json` of the known specification. Findings come in the order
 * of the documents. `documents` are such as `validateFlat` accepts.
 */
export function readContainer(
  name: string,
  documents: Readonly<Record<string, Json>>,
  texts: Readonly<Record<string, string>>,
): { readonly manifest: ContainerManifest | null; readonly findings: readonly Finding[] } {
  const of = (file: string): Json | undefined =>
    Object.hasOwn(documents, `${name}/${file}`) ? documents[`${name}/${file}`] : undefined;
  const run = of('run.json');
  const shape = (['args', 'services', 'src'] as const).flatMap((kind) =>
    shapeOf(publishedSchemas[kind], `${name}/${kind}.json`, of(`${kind}.json`)),
  );
  const read = run === undefined ? withoutRun(name, documents) : readRun({ name, run, documents, texts, of });
  return { manifest: read.manifest, findings: inDocumentOrder([...shape, ...read.findings], documents) };
}

interface Component {
  readonly name: string;
  readonly run: Json;
  readonly documents: Readonly<Record<string, Json>>;
  readonly texts: Readonly<Record<string, string>>;
  readonly of: (file: string) => Json | undefined;
}

function shapeOf(schema: DocumentSchema, path: string, document: Json | undefined): readonly Finding[] {
  return document === undefined ? [] : checkShape(schema, document, [path]);
}

function readRun({ name, run, documents, texts, of }: Component): ContainerReading {
  const path = `${name}/run.json`;
  if (isJsonObject(run) && run['#spec'] !== undefined && run['#spec'] !== runSpec) {
    return { manifest: null, findings: [unknownSpec(path, run['#spec'])] };
  }
  const shape = checkShape(publishedSchemas.run, run, [path]).filter(isNotRootVolume);
  if (!isJsonObject(run)) return { manifest: null, findings: shape };
  const src = of('src.json');
  const sources = { run, args: of('args.json'), src: isJsonObject(src) ? src.args : undefined };
  const findings = [...shape, ...nameFindings(name, run), ...unsupportedFields(path, run)];
  const network = readNetwork(name, sources);
  const { services, findings: ofServices } = readServices(`${name}/services.json`, of('services.json'));
  const { requirements, findings: ofRequirements } = readRequirements(name, sources);
  const before = [...findings, ...network.findings, ...ofServices, ...ofRequirements];
  return build({ name, run, documents }, texts, { ...network, services, requirements }, before);
}

/** What a container asks of the network, what it provides, and what it uses. */
type Wish = ReturnType<typeof readNetwork> & Pick<ContainerManifest, 'services' | 'requirements'>;

function build(
  files: ContainerFiles,
  texts: Readonly<Record<string, string>>,
  wish: Wish,
  before: readonly Finding[],
): ContainerReading {
  const { name, run } = files;
  const root = readRootVolume(files);
  const configFile = readConfigFile(files);
  const [reference] = configFile.objects;
  const text =
    reference !== undefined && Object.hasOwn(texts, reference.sha256) ? texts[reference.sha256] : undefined;
  const config = readContainerConfig(text ?? '', reference?.pointer ?? '', wish);
  const placed = readConfigFiles(files);
  const findings = [...before, ...[root, configFile, config, placed].flatMap((part) => part.findings)];
  if (root.value === null || !acceptable(findings)) return { manifest: null, findings };
  const manifest: ContainerManifest = {
    name,
    hostname: wish.hostname ?? config.hostname ?? name,
    group: typeof run.group === 'string' ? run.group : null,
    statusGoal: readStatusGoal(run.status_goal),
    restartPolicy: readRestartPolicy(run.restart_policy),
    recovery: readRecovery(run.auto_recovery),
    root: root.value,
    persistence: persistenceOf(run),
    network: config.network,
    config: config.config,
    files: placed.value ?? [],
    reservedAddresses: config.reservedAddresses,
    services: wish.services,
    requirements: wish.requirements,
    pointer: pointerTo(`${name}/run.json`),
    objects: [...root.objects, ...configFile.objects, ...placed.objects],
  };
  return { manifest, findings };
}

/** A root volume that is missing has a finding of its own, which says more. */
function isNotRootVolume({ code, pointer }: Finding): boolean {
  return !(code === 'MissingField' && pointer.endsWith('/root-volume'));
}

function persistenceOf(run: JsonObject): Persistence {
  const storage = isJsonObject(run.storage) ? run.storage['lxc-overlay'] : undefined;
  const persistence = isJsonObject(storage) ? storage.persistence : undefined;
  return persistence === 'permanent' || persistence === 'revision' ? persistence : defaultPersistence;
}

function nameFindings(name: string, run: JsonObject): readonly Finding[] {
  const path = `${name}/run.json`;
  const findings: Finding[] = [];
  if (!isName(name)) {
    findings.push(
      finding('NameInvalid', {
        pointer: pointerTo(path),
        found: name,
        expected: nameDescription,
        message: `found a container named ${quote(name)}, expected ${nameDescription}`,
      }),
    );
  }
  if (typeof run.name === 'string' && run.name !== name) {
    findings.push(
      finding('NameMismatch', {
        pointer: pointerTo(path, 'name'),
        found: run.name,
        expected: `'${name}', as its directory is named`,
        message: `found the name ${quote(run.name)} in ${path}, expected '${name}', as its directory is named`,
      }),
    );
  }
  return findings;
}

function unknownSpec(path: string, spec: Json): Finding {
  const expected = quote(runSpec);
  return finding('ContainerSpecUnknown', {
    pointer: pointerTo(path, '#spec'),
    found: spec,
    expected,
    message: `found the specification ${quote(spec)} in ${path}, expected ${expected}; it is kept, and no container is made from it`,
  });
}

/** A component without `run.json` is no container. Configuration alone is a sign of a misspelt name. */
function withoutRun(name: string, documents: Readonly<Record<string, Json>>): ContainerReading {
  const paths = Object.keys(documents);
  const [first] = paths;
  if (first === undefined || !paths.every((path) => path.startsWith(configPrefix))) {
    return { manifest: null, findings: [] };
  }
  const expected = `a container named '${name}' in the revision`;
  const message = `found configuration files for '${name}', expected ${expected}; they have no effect`;
  const warning = finding('ConfigWithoutContainer', {
    pointer: pointerTo(first),
    found: name,
    expected,
    message,
  });
  return { manifest: null, findings: [warning] };
}
