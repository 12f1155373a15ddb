/** Is told what should not have happened, and never throws. */
export type Caught = (error: unknown) => void;

/**
 * The same listener, but what it throws goes to `caught` instead of ending the process: whatever a client or a provider has sent, it costs
 * no more than `caught` takes away.
 */
export function contained<Args extends readonly unknown[]>(
  caught: Caught,
  listener: (...args: Args) => void,
): (...args: Args) => void {
  return (...args) => {
    try {
      listener(...args);
    } catch (error) {
      caught(error);
    }
  };
}
