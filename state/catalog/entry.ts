/**
 * What is known of one code. `error` and `warning` are severities of findings; a `conflict` is wrong only against this
 * device or other resources (ENG-8) and blocks one resource; a `failure` is one of a step, which is tried again, or of a trial.
 */
export interface CatalogEntry {
  readonly severity: 'error' | 'warning' | 'conflict' | 'failure';
  /** One line. */
  readonly title: string;
  /** Why this is said, and what would happen otherwise. */
  readonly explanation: string;
  /** What to do about it. */
  readonly remedy: string;
}

export type Catalog = Readonly<Record<string, CatalogEntry>>;
