/** Options of verbs that propose a revision, by what they mean. */
export interface ProposalOptions {
  readonly message?: string;
  readonly commitAfterSeconds?: number;
}

/** The part of a request's body that says how a revision is proposed. */
export function proposalBody({ message, commitAfterSeconds }: ProposalOptions): ProposalOptions {
  return {
    ...(message === undefined ? {} : { message }),
    ...(commitAfterSeconds === undefined ? {} : { commitAfterSeconds }),
  };
}

/** The same as a query, with its question mark; empty where nothing is said. */
export function proposalQuery(options: ProposalOptions): string {
  const parameters = Object.entries(proposalBody(options)).map(([name, value]) => [name, String(value)]);
  const query = new URLSearchParams(parameters).toString();
  return query === '' ? '' : `?${query}`;
}
