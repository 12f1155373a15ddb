import type { Json, JsonObject } from '../../state/json.ts';
import { maxCommitAfterSeconds, maxMessageLength } from '../options.ts';
import { wrongParameter, wrongType } from './body-values.ts';
import type { ApplyOptions } from './contract.ts';
import { Problem } from './problem.ts';

/** How a revision is proposed, but for where it came from: that is said by the route. */
export type ProposalOptions = Omit<ApplyOptions, 'source'>;

const messageExpected = `a text of at most ${maxMessageLength} characters`;
const windowExpected = `a number of seconds from 0 to ${maxCommitAfterSeconds}`;
const revisionExpected = 'the number of a revision';

const isMessage = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= maxMessageLength;
const isWindow = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= maxCommitAfterSeconds;

/** Members `message` and `commitAfterSeconds` of a body; a Problem (400) with their pointer where they are not as they should be. */
export function readProposalOptions({ message, commitAfterSeconds }: JsonObject): ProposalOptions {
  if (message !== undefined && !isMessage(message)) throw wrongType('/message', message, messageExpected);
  if (commitAfterSeconds !== undefined && !isWindow(commitAfterSeconds)) {
    throw wrongType('/commitAfterSeconds', commitAfterSeconds, windowExpected);
  }
  return {
    ...(message === undefined ? {} : { message }),
    ...(commitAfterSeconds === undefined ? {} : { commitAfterSeconds }),
  };
}

/** Query parameters that say how a revision is proposed, where the body is a patch. */
export interface ProposalQuery {
  readonly message?: string;
  readonly commitAfterSeconds?: string;
}

/** As `readProposalOptions`, of query parameters. */
export function readProposalQuery({ message, commitAfterSeconds }: ProposalQuery): ProposalOptions {
  if (message !== undefined && !isMessage(message)) {
    throw wrongParameter('message', String(message), messageExpected);
  }
  const seconds = decimal(commitAfterSeconds);
  if (commitAfterSeconds !== undefined && !isWindow(seconds)) {
    throw wrongParameter('commitAfterSeconds', String(commitAfterSeconds), windowExpected);
  }
  return {
    ...(message === undefined ? {} : { message }),
    ...(seconds === undefined ? {} : { commitAfterSeconds: seconds }),
  };
}

/** The number of a revision in a body; null where the member is missing or null. */
export function readRevisionMember(value: Json | undefined): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value;
  throw wrongType('/revision', value, revisionExpected);
}

/** The number of a revision in an address; a Problem (400) for anything else. */
export function readRevisionNumber(text: string): number {
  const number = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  throw new Problem(
    400,
    'BadRevision',
    `found revision ${JSON.stringify(text)}, expected ${revisionExpected}`,
  );
}

/** A query parameter given twice comes as an array: no number. */
function decimal(text: unknown): number | undefined {
  if (text === undefined) return undefined;
  return typeof text === 'string' && /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : Number.NaN;
}
