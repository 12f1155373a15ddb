import type { Finding } from './finding.ts';
import { finding } from './finding-catalog.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import { pointerTo } from './pointer.ts';

/** Fields of `run.json` that are known and do nothing yet → what is not done. */
const fields: Readonly<Record<string, string>> = {
  volumes: 'further volumes are not mounted',
  conditions: 'the container starts whatever they say',
  drivers: 'no driver is loaded',
  exports: 'nothing is exported to the host',
  logs: 'the log of the console is kept, no other',
  runlevel: '`group` says when it starts',
  lifecycle_goal: '`status_goal` is what counts',
};

/** What is said of the root as a whole; other parts of the root have no storage of their own yet. */
const overlay = 'lxc-overlay';

/** A warning for everything in a `run.json` that asks for something that this version does not do. */
export function unsupportedFields(path: string, run: JsonObject): readonly Finding[] {
  const named = Object.entries(run).flatMap(([field, value]) => {
    const consequence = Object.hasOwn(fields, field) ? fields[field] : undefined;
    return consequence === undefined || isEmpty(value)
      ? []
      : [unsupported([path, field], value, consequence)];
  });
  const storage = isJsonObject(run.storage) ? run.storage : {};
  const stored = Object.entries(storage).flatMap(([part, value]) => {
    if (part !== overlay) {
      return [
        unsupported([path, 'storage', part], value, `it is kept as long as '${overlay}', not by itself`),
      ];
    }
    const disk = isJsonObject(value) ? value.disk : undefined;
    return disk === undefined
      ? []
      : [unsupported([path, 'storage', part, 'disk'], disk, 'there is one disk')];
  });
  return [...named, ...stored, ...unsupportedRecovery([path], run.auto_recovery)];
}

/** The same for an `auto_recovery`; `path` leads to what has it. */
export function unsupportedRecovery(
  path: readonly [string, ...(string | number)[]],
  recovery: Json | undefined,
): readonly Finding[] {
  const policy = isJsonObject(recovery) ? recovery.backoff_policy : undefined;
  if (policy === undefined || policy === 'never') return [];
  const consequence = 'a container that was restarted as often as it may be stays down';
  return [unsupported([...path, 'auto_recovery', 'backoff_policy'], policy, consequence)];
}

/** Null, nothing, or made of nothing else: what templates write where there is nothing to say. */
function isEmpty(value: Json): boolean {
  if (typeof value !== 'object') return value === '';
  return value === null || Object.values(value).every(isEmpty);
}

function unsupported(
  path: readonly [string, ...(string | number)[]],
  value: Json,
  consequence: string,
): Finding {
  const [file, ...members] = path;
  return finding('NotSupportedYet', {
    pointer: pointerTo(...path),
    found: value,
    expected: 'nothing, for now',
    message: `found '${members.join('.')}' in ${file}, which is not carried out yet: ${consequence}`,
  });
}
