import { ContainerHandle, NoContainer } from './container-handle.ts';

/** The container's init has this process id at this moment. Asked while that process is held, which is what makes it the init's for good. */
export type IsInit = (container: string, pid: number) => boolean;

/** Holds a container by its init, to be closed by who asked. Throws NoContainer where that process is not the container's init, or not any more. */
export function holdInit(isInit: IsInit, container: string, pid: number): ContainerHandle {
  const handle = new ContainerHandle(pid);
  try {
    // In this order: a process that is there after its id was found to be the init's had that id then, and no other process did.
    if (isInit(container, pid) && handle.isThere) return handle;
    throw new NoContainer(`process ${pid} is not its init any more; expected to be told which one is`);
  } catch (error) {
    handle.close();
    throw error;
  }
}
