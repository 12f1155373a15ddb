/** Lets whatever else is due happen first: for work that would otherwise keep the event loop busy for long. Waits for no time to pass. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
