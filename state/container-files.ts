import { configPrefix } from './component.ts';
import { type Finding, quote } from './finding.ts';
import { finding } from './finding-catalog.ts';
import type { Json, JsonObject } from './json.ts';
import { meantHint } from './nearest-name.ts';
import { pointerTo } from './pointer.ts';
import type { ConfigFile, RootVolume } from './resource.ts';
import type { ObjectReference } from './revision.ts';
import { isSha256 } from './sha256.ts';

/** What was read, or why it could not be; and the objects that it needs. */
export interface Reading<T> {
  readonly value: T | null;
  readonly objects: readonly ObjectReference[];
  readonly findings: readonly Finding[];
}

const directoryPrefix = 'dir:';

/** What a container's directory holds, and the `run.json` in it. */
export interface ContainerFiles {
  readonly name: string;
  readonly run: JsonObject;
  /** All entries of the container, by their paths in the state. */
  readonly documents: Readonly<Record<string, Json>>;
}

/** `root-volume` (CTR-4): a squashfs object of the container, or a directory of the host for development. */
export function readRootVolume(files: ContainerFiles): Reading<RootVolume> {
  const volume = files.run['root-volume'];
  if (volume === undefined) return failed(rootVolumeMissing(files.name));
  if (typeof volume !== 'string' || volume === '') return { value: null, objects: [], findings: [] };
  if (volume.startsWith(directoryPrefix)) return readDirectory(files.name, volume);
  if (/^[a-z]+:/.test(volume)) return failed(rootVolumeInvalid(files.name, volume));
  return readFile(files, 'root-volume', volume, false, (sha256) => ({ type: 'object', sha256 }));
}

/** `config`, by default `lxc.container.conf` where there is one: the sha256 of its text. Null without a finding: there is none. */
export function readConfigFile(files: ContainerFiles): Reading<string> {
  const { config } = files.run;
  const byDefault = 'lxc.container.conf';
  if (config === undefined && !Object.hasOwn(files.documents, `${files.name}/${byDefault}`)) return nothing;
  const file = config ?? byDefault;
  if (typeof file !== 'string' || file === '') return nothing;
  return readFile(files, 'config', file, true, (sha256) => sha256);
}

const nothing: Reading<never> = { value: null, objects: [], findings: [] };

function failed(problem: Finding): Reading<never> {
  return { value: null, objects: [], findings: [problem] };
}

function readFile<T>(
  { name, documents }: ContainerFiles,
  field: string,
  file: string,
  text: boolean,
  make: (sha256: string) => T,
): Reading<T> {
  const path = `${name}/${file}`;
  const content = Object.hasOwn(documents, path) ? documents[path] : undefined;
  if (isSha256(content)) {
    return {
      value: make(content),
      objects: [{ sha256: content, pointer: pointerTo(path), text }],
      findings: [],
    };
  }
  const present = Object.keys(documents).flatMap((other) =>
    other.startsWith(`${name}/`) && !other.endsWith('.json') ? [other.slice(name.length + 1)] : [],
  );
  const expected = `a file in the directory '${name}' of the revision`;
  return failed(
    finding('FileMissing', {
      pointer: pointerTo(`${name}/run.json`, field),
      found: file,
      expected,
      message: `found ${quote(file)} as '${field}' of ${name}/run.json, and no such file in the revision; expected ${expected}`,
      hint: meantHint(file, present),
    }),
  );
}

/** LXC and overlayfs part paths by these, and offer no way to quote them everywhere. */
const unusableInPath = /[\p{Cc}:,\\"']|^\s|\s$/u;

function readDirectory(name: string, volume: string): Reading<RootVolume> {
  const path = volume.slice(directoryPrefix.length);
  const segments = path.split('/').slice(1);
  const normalised = path.startsWith('/') && segments.every((segment) => !['', '.', '..'].includes(segment));
  if (!normalised || unusableInPath.test(path)) return failed(rootVolumeInvalid(name, volume));
  return { value: { type: 'directory', path }, objects: [], findings: [] };
}

function rootVolumeMissing(name: string): Finding {
  const expected = 'a squashfs file of the container, or "dir:" and a directory of the host';
  return finding('RootVolumeMissing', {
    pointer: pointerTo(`${name}/run.json`, 'root-volume'),
    found: undefined,
    expected,
    message: `found no 'root-volume' in ${name}/run.json, expected ${expected}: without it there is nothing to run`,
    hint: 'add "root-volume": "root.squashfs" and the file beside run.json',
  });
}

function rootVolumeInvalid(name: string, volume: string): Finding {
  const expected = `a file in the directory '${name}' of the revision, or "dir:" and an absolute, normalised path below / without ':', ',', quotes and '\\'`;
  return finding('RootVolumeInvalid', {
    pointer: pointerTo(`${name}/run.json`, 'root-volume'),
    found: volume,
    expected,
    message: `found ${quote(volume)} as 'root-volume' of ${name}/run.json, expected ${expected}`,
  });
}

/** The files of `_config/<name>/…`, in the order of the state (CTR-4). Paths are sound: validation refuses others. */
export function readConfigFiles({
  name,
  documents,
}: Omit<ContainerFiles, 'run'>): Reading<readonly ConfigFile[]> {
  const prefix = `${configPrefix}${name}/`;
  const files: ConfigFile[] = [];
  const objects: ObjectReference[] = [];
  for (const [key, content] of Object.entries(documents)) {
    if (!key.startsWith(prefix)) continue;
    const path = key.slice(prefix.length);
    if (key.endsWith('.json')) files.push({ path, document: content });
    else if (isSha256(content)) {
      files.push({ path, sha256: content });
      objects.push({ sha256: content, pointer: pointerTo(key), text: false });
    }
  }
  return { value: files, objects, findings: collisions(prefix, files) };
}

function collisions(prefix: string, files: readonly ConfigFile[]): readonly Finding[] {
  const paths = new Set(files.map((file) => file.path));
  return files.flatMap(({ path }) => {
    const parent = ancestorsOf(path).find((ancestor) => paths.has(ancestor));
    return parent === undefined ? [] : [collision(prefix, path, parent)];
  });
}

function ancestorsOf(path: string): readonly string[] {
  const segments = path.split('/');
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join('/'));
}

function collision(prefix: string, path: string, parent: string): Finding {
  return finding('ConfigPathsCollide', {
    pointer: pointerTo(`${prefix}${path}`),
    found: path,
    expected: `no file at '${parent}'`,
    message: `found the file ${quote(`${prefix}${path}`)} below ${quote(`${prefix}${parent}`)}, which is a file too; expected a directory there`,
  });
}
