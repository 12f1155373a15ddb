import { posix } from 'node:path';
import type { ImportedModule, Source } from './sources.ts';

/** A part of the house, by the files in it. The first pattern that matches a path decides. */
interface Part {
  readonly name: string;
  readonly files: RegExp;
  /** Names of the parts that it may import, its own not repeated. */
  readonly mayImport: readonly string[];
  /** Packages and `node:` modules that it may import; null: any. */
  readonly packages: readonly RegExp[] | null;
}

/** Modules that compute and touch nothing outside the process. */
const pureModules = [/^node:(crypto|path|path\/posix|util|buffer|assert)$/];
const pureLibraries = [/^(immer|fast-json-patch|typebox)(\/|$)/];
const adapterPackages = [/^node:/, /^(rxjs|pino)(\/|$)/];

/**
 * The ring: `state` ← `adapters/adapter.ts` ← `reconcilers` ← `controller`. Concrete adapters are put together in the
 * composition root alone, and know of each other only what stands beside `adapter.ts` and in what they share: `adapters/linux`, on it
 * `adapters/proxy`, and on both `adapters/ingress` and `adapters/links`.
 */
const parts: readonly Part[] = [
  {
    name: 'state/store',
    files: /^state\/store\.ts$/,
    mayImport: ['state'],
    packages: [...pureModules, ...pureLibraries, /^rxjs$/],
  },
  { name: 'published schemas', files: /^docs\/schema\/[^/]+\.json$/, mayImport: [], packages: [] },
  {
    name: 'state',
    files: /^state\//,
    mayImport: ['published schemas'],
    packages: [...pureModules, ...pureLibraries],
  },
  { name: 'adapter', files: /^adapters\/[^/]+\.ts$/, mayImport: ['state'], packages: [/^rxjs$/] },
  { name: 'reconcilers', files: /^reconcilers\//, mayImport: ['adapter', 'state'], packages: pureModules },
  {
    name: 'linux',
    files: /^adapters\/linux\//,
    mayImport: ['adapter', 'state'],
    packages: [...adapterPackages, /^koffi$/],
  },
  {
    name: 'composition',
    // The controller's, that of the process that proxies when there is no HAProxy, and that of the process for dbus links.
    files: /^(controller\/main|adapters\/proxy\/(builtin|dbus)\/process)\.ts$/,
    mayImport: [
      'controller',
      'lxc',
      'memory',
      'proxy',
      'linux',
      'reconcilers',
      'adapter',
      'state',
      'state/store',
    ],
    packages: null,
  },
  {
    name: 'proxy',
    files: /^adapters\/proxy\//,
    mayImport: ['linux', 'adapter', 'state'],
    packages: [...adapterPackages, /^undici$/],
  },
  {
    name: 'ingress',
    files: /^adapters\/ingress\//,
    mayImport: ['proxy', 'linux', 'adapter', 'state'],
    packages: adapterPackages,
  },
  {
    name: 'links',
    files: /^adapters\/links\//,
    mayImport: ['proxy', 'linux', 'adapter', 'state'],
    packages: adapterPackages,
  },
  {
    name: 'memory',
    files: /^adapters\/memory\//,
    mayImport: ['ingress', 'proxy', 'linux', 'adapter', 'state'],
    packages: adapterPackages,
  },
  {
    name: 'lxc',
    files: /^adapters\/lxc\//,
    mayImport: ['links', 'ingress', 'proxy', 'linux', 'adapter', 'state'],
    packages: adapterPackages,
  },
  {
    name: 'controller',
    files: /^controller\//,
    mayImport: ['reconcilers', 'adapter', 'state', 'state/store', 'composition'],
    packages: null,
  },
];

function partOf(path: string): Part | undefined {
  return parts.find((part) => part.files.test(path));
}

function problem(path: string, part: Part, imported: ImportedModule): string | null {
  const { specifier } = imported;
  if (!specifier.startsWith('.')) {
    const allowed =
      imported.typeOnly || part.packages === null || part.packages.some((pattern) => pattern.test(specifier));
    return allowed ? null : `${path} imports ${specifier}, which ${part.name} may not: it is no pure module`;
  }
  // A JSON document is data, wherever it stands.
  if (specifier.endsWith('.json')) return null;
  const target = partOf(posix.join(posix.dirname(path), specifier));
  if (target === undefined) return `${path} imports ${specifier}, which is outside the house`;
  if (target === part || part.mayImport.includes(target.name)) return null;
  const allowed = [part.name, ...part.mayImport].join(', ');
  return `${path} imports ${specifier} of ${target.name}; ${part.name} may import from ${allowed}`;
}

/** Every import that goes against the ring, in words. Tests, tools and benchmarks may import what they like. */
export function importProblems(sources: readonly Source[]): readonly string[] {
  return sources.flatMap((source) => {
    const part = partOf(source.path);
    if (part === undefined) return [];
    return source.imports.flatMap((imported) => problem(source.path, part, imported) ?? []);
  });
}
