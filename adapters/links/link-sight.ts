import type { ObservedResource } from '../../state/resource.ts';
import { deviceText } from '../linux/device-number.ts';
import type { LinkTargets, TargetSight } from '../linux/link-targets.ts';
import type { ProviderSight } from '../linux/provider-sockets.ts';
import type { LinkRecord } from './link-record.ts';

/** What is seen of the parts of one link. */
export interface LinkParts {
  /** Null: its provider is not followed, and nothing is known of it. */
  readonly source: ProviderSight | null;
  readonly target: ReturnType<LinkTargets['sight']>;
  /** Where a process of ours listens for it; null: none has to. */
  readonly front: FrontSight | null;
}

/** What is seen of where a process of ours listens for a link. */
export interface FrontSight {
  /** Of the socket; null: there is none. */
  readonly inode: number | null;
  /** Why it is not served as it should be, in words; null: it is. */
  readonly problem: string | null;
}

type Placed = Extract<TargetSight, { readonly state: 'placed' }>;

/** A link as it is. */
export function sightOf(record: LinkRecord, parts: LinkParts): ObservedResource<'link'> {
  const { key, spec, digest, carrier, ends, device } = record;
  const { source, target } = parts;
  const placed = target?.state === 'placed' ? target.inode : null;
  return {
    key,
    kind: 'link',
    spec,
    digest,
    drift: driftOf(record, parts),
    facts: {
      carrier,
      provider: { pid: ends?.provider ?? null, inode: source?.state === 'shown' ? source.inode : null },
      consumer: { pid: ends?.consumer ?? null, inode: placed },
      awaits: source?.state === 'absent' ? source.why : null,
      ...(device === null ? {} : { device: deviceText(device) }),
    },
  };
}

function driftOf(record: LinkRecord, { source, target, front }: LinkParts): readonly string[] {
  if (record.ends === null) return ['it was not made to its end'];
  if (source?.state === 'refused') return [source.why];
  if (front?.problem) return [front.problem];
  // What goes straight to the provider has nothing to be there while that has nothing.
  if (source?.state === 'absent' && front === null) return [];
  if (target === null) return ['nothing is at its target'];
  if (target.state === 'lost') return [target.why];
  // Nothing of it is there while its consumer does not run, nor has it to be.
  if (target.state === 'away') return [];
  return inodeDrift(record, target, { source, front });
}

/** The target shows something of before. */
function inodeDrift(
  { device }: LinkRecord,
  target: Placed,
  { source, front }: Pick<LinkParts, 'source' | 'front'>,
): readonly string[] {
  if (front !== null) {
    return target.inode === front.inode ? [] : ['the process that carries it listens at a socket made anew'];
  }
  if (source?.state !== 'shown') return [];
  const { node } = source;
  if (node !== null) {
    const same = node.major === device?.major && node.minor === device.minor;
    return same ? [] : [`the provider has another device there now, ${node.major}:${node.minor}`];
  }
  const same = target.inode === source.inode && target.device === source.device;
  return same ? [] : ['the provider has made its socket anew'];
}
