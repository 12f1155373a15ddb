/** A process of the host that listens. */
export interface PortOwner {
  readonly address: string;
  readonly port: number;
  /** Null: it could not be found out (another pid namespace, a process that has just ended). */
  readonly pid: number | null;
  /** Its name (`/proc/<pid>/comm`); null where the pid is. */
  readonly command: string | null;
}
