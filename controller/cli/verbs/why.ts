import type { RevisionOutcome } from '../../api/contract.ts';
import { type Context, clientFor, type SocketOption } from '../context.ts';
import { exitCodes } from '../failure.ts';
import { findResource, readResourceName } from '../find-resource.ts';
import { entryOf, fallbackOf, historyOf } from '../past-revisions.ts';
import { routeSentence } from '../render/route-text.ts';
import { json, printable } from '../render/text.ts';
import { endText, trialText } from '../render/why-text.ts';
import { findRoute, type RouteSelection, readRouteSelection } from '../route-selection.ts';

/** Options of `why`. */
export interface WhyOptions extends SocketOption {
  readonly output: 'text' | 'json';
}

/** Says why a revision ended as it did, or how far its trial is. */
async function whyRevision(revision: number, options: WhyOptions, context: Context): Promise<number> {
  const { terminal, clock } = context;
  using client = clientFor(options, context);
  const entries = await historyOf(client);
  const entry = entryOf(entries, revision);
  const fallback = fallbackOf(entries, revision);
  const next = entries.find((other) => other.revision > revision) ?? null;
  const onTrial = entry.phase === 'INPROGRESS' || entry.phase === 'TESTING';
  const outcome = onTrial ? await client.get<RevisionOutcome>(`/v1/outcome?revision=${revision}`) : null;
  if (options.output === 'json') {
    terminal.out(json({ ...entry, fallback: fallback?.revision ?? null }));
  } else if (outcome !== null) terminal.out(trialText(outcome, clock.now(), terminal));
  else terminal.out(endText({ entry, fallback, next }, clock.now(), terminal));
  return exitCodes.ok;
}

/** Says how a rule of ingress stands, and why. */
async function whyRoute(selection: RouteSelection, options: WhyOptions, context: Context): Promise<number> {
  using client = clientFor(options, context);
  const item = await findRoute(client, 'why', selection);
  const { rule, listener, phase } = item;
  const sentence = routeSentence(item);
  context.terminal.out(
    options.output === 'json' ? json({ rule, listener, phase, why: sentence }) : `${printable(sentence)}\n`,
  );
  return exitCodes.ok;
}

/** Says why a revision ended as it did, where a number is given, or why a resource or a rule of ingress is as it is. */
export async function why(
  what: string,
  name: string | undefined,
  options: WhyOptions,
  context: Context,
): Promise<number> {
  if (name === undefined && /^[0-9]+$/.test(what)) return await whyRevision(Number(what), options, context);
  const route = readRouteSelection(what, name);
  if (route !== null) return await whyRoute(route, options, context);
  const selection = readResourceName('why', what, name);
  using client = clientFor(options, context);
  const { key, phase, why: sentence } = await findResource(client, selection);
  context.terminal.out(
    options.output === 'json' ? json({ key, phase, why: sentence }) : `${printable(sentence)}\n`,
  );
  return exitCodes.ok;
}
