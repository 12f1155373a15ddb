import type { ContainerExit } from './resource.ts';

/** How a container ended, in words that follow its name: `exited with code 3`. */
export function exitText(exit: ContainerExit | null): string {
  if (exit === null || (exit.code === null && exit.signal === null)) return 'ended, and nobody saw how';
  return exit.signal === null ? `exited with code ${exit.code}` : `was ended by ${exit.signal}`;
}
