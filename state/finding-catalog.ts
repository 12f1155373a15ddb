import { conflictCodes } from './catalog/conflict-codes.ts';
import { containerCodes } from './catalog/container-codes.ts';
import { deviceCodes } from './catalog/device-codes.ts';
import { documentCodes } from './catalog/document-codes.ts';
import type { Catalog, CatalogEntry } from './catalog/entry.ts';
import { failureCodes } from './catalog/failure-codes.ts';
import { linkCodes, linkConflictCodes, linkFailureCodes } from './catalog/link-codes.ts';
import { listenerCodes, listenerConflictCodes, proxyFailureCodes } from './catalog/listener-codes.ts';
import { sourceCodes } from './catalog/source-codes.ts';
import { trialCodes } from './catalog/trial-codes.ts';
import { excerpt, type Finding } from './finding.ts';
import type { Json } from './json.ts';

const findingCodes = {
  ...documentCodes,
  ...deviceCodes,
  ...containerCodes,
  ...listenerCodes,
  ...linkCodes,
  ...sourceCodes,
};

const blockingCodes = { ...conflictCodes, ...listenerCodes, ...listenerConflictCodes, ...linkConflictCodes };

/** Code of a finding. The catalogue has an entry for each, which decides its severity. */
export type FindingCode = keyof typeof findingCodes;

/** Code of a conflict that is known when a revision is compiled, or that an adapter meets. */
export type ConflictCode = keyof typeof blockingCodes;

/** Every code that a finding, a conflict, a failed step or a failed trial may carry → what is known of it. Codes are never renamed. */
export const findingCatalog: Catalog = {
  ...findingCodes,
  ...blockingCodes,
  ...failureCodes,
  ...proxyFailureCodes,
  ...linkFailureCodes,
  ...trialCodes,
};

/** What is known of `code`; undefined when it is no code of these. */
export function catalogEntry(code: string): CatalogEntry | undefined {
  return Object.hasOwn(findingCatalog, code) ? findingCatalog[code] : undefined;
}

/** What one finding says beyond its code. */
export interface FindingDetails {
  readonly pointer: string;
  /** What stands there, whole; `undefined` where nothing does. The finding gets an excerpt of it. */
  readonly found: Json | undefined;
  readonly expected: string;
  readonly message: string;
  /** Left out of the finding when null. */
  readonly hint?: string | null;
}

/** A finding of the severity that the catalogue gives its code. */
export function finding(code: FindingCode, details: FindingDetails): Finding {
  const { pointer, found, expected, message, hint } = details;
  return {
    severity: findingCodes[code].severity,
    code,
    pointer,
    found: found === undefined ? null : excerpt(found),
    expected,
    message,
    ...(hint === undefined || hint === null ? {} : { hint }),
  };
}
