import type { ObservedResource } from '../../state/resource.ts';
import { deviceText } from '../linux/device-number.ts';
import type { LinkTargets, TargetSight } from '../linux/link-targets.ts';
import type { ProviderSight } from '../linux/provider-sockets.ts';
import { isSameDevice, type LinkRecord } from './link-record.ts';

/** What is seen of the parts of one link. */
export interface LinkParts {
  /** Null: its provider is not followed, and nothing is known of it. */
  readonly source: ProviderSight | null;
  readonly target: ReturnType<LinkTargets['sight']>;
  /** Where a process of ours listens for it; null: none has to. */
  readonly front: FrontSight | null;
  /** Process id of a container's init as it was last told; null: it does not run; undefined: nothing was told. */
  readonly pidOf: (container: string) => number | null | undefined;
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
      provider: { pid: ends?.provider ?? null, inode: sourceInode(record, source) },
      consumer: { pid: ends?.consumer ?? null, inode: placed },
      awaits: source?.state === 'absent' ? source.why : null,
      ...(device === null ? {} : { device: deviceText(device) }),
    },
  };
}

/** Who is not followed is believed to have what he had. */
function sourceInode(record: LinkRecord, source: LinkParts['source']): number | null {
  if (source === null) return record.sourceInode;
  return source.state === 'shown' ? source.inode : null;
}

function driftOf(record: LinkRecord, { source, target, front, pidOf }: LinkParts): readonly string[] {
  const { ends, spec } = record;
  if (ends === null) return ['it was not made to its end'];
  const { provider, consumer } = spec;
  const former = [
    ...(isStill(ends.provider, pidOf(provider)) ? [] : [provider]),
    ...(isStill(ends.consumer, pidOf(consumer)) ? [] : [consumer]),
  ];
  if (former.length > 0) return former.map((name) => `container '${name}' does not run any more as it did`);
  if (source?.state === 'refused') return [source.why];
  if (front?.problem) return [front.problem];
  // What goes straight to the provider has nothing to be there while that has nothing.
  if (source?.state === 'absent' && front === null) return remains(record, target);
  if (target === null) return ['nothing is at its target'];
  if (target.state === 'lost') return [target.why];
  // Nothing of it is there while its consumer does not run, nor has it to be.
  if (target.state === 'away') return [];
  return inodeDrift(record, target, { source, front });
}

/** What still leads to a provider that has nothing any more: taking it away did not succeed. */
function remains({ device: open, former }: LinkRecord, target: LinkParts['target']): readonly string[] {
  const device = open ?? former.devices[0] ?? null;
  if (device !== null) return [`its consumer may still open the device ${deviceText(device)}`];
  return target?.state === 'placed' ? ['what its provider had is still at its target'] : [];
}

function isStill(made: number, now: number | null | undefined): boolean {
  return now === undefined || now === made;
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
    return isSameDevice(node, device)
      ? []
      : [`the provider has another device there now, ${node.major}:${node.minor}`];
  }
  const same = target.inode === source.inode && target.device === source.device;
  return same ? [] : ['the provider has made its socket anew'];
}
