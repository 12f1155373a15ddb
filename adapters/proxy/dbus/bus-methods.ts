import { bus, type Message, standard } from './message.ts';

/**
 * What a method of the bus itself needs of who calls it. `any`: nothing. `name`: that the name it is about is one that may be seen. `granted`: that
 * it is the granted one. `rule`: that its match rule asks for nothing else. `property`: nothing, since the bus has none that are secret.
 * `names`: answered here, with names that may be seen. `whole`: that nothing less than the whole bus is granted.
 */
export type BusMethodKind = 'any' | 'name' | 'granted' | 'rule' | 'names' | 'whole';

/**
 * The methods of the interface org.freedesktop.DBus that a link may call at all. Whatever is not here is denied to every link, also what a bus has
 * yet to invent: it changes the bus for others (ReloadConfig, UpdateActivationEnvironment), or is for who watches over it (the interfaces
 * Monitoring, Verbose, Debug.Stats, Containers).
 */
const ofBus: Readonly<Record<string, BusMethodKind>> = {
  Hello: 'any',
  GetId: 'any',
  AddMatch: 'rule',
  RemoveMatch: 'rule',
  RequestName: 'granted',
  ReleaseName: 'granted',
  ListQueuedOwners: 'granted',
  GetNameOwner: 'name',
  NameHasOwner: 'name',
  StartServiceByName: 'name',
  GetConnectionUnixUser: 'name',
  GetConnectionCredentials: 'name',
  ListNames: 'names',
  ListActivatableNames: 'names',
  GetConnectionUnixProcessID: 'whole',
  GetConnectionSELinuxSecurityContext: 'whole',
  GetAdtAuditSessionData: 'whole',
};

const ofInterfaces: Readonly<Record<string, Readonly<Record<string, BusMethodKind>>>> = {
  [bus.interface]: ofBus,
  [standard.peer]: { Ping: 'any', GetMachineId: 'whole' },
  [standard.introspectable]: { Introspect: 'any' },
  [standard.properties]: { Get: 'any', GetAll: 'any' },
};

/** Null: no link may call it. A call without an interface is one of the bus's own: that is how all buses look for it first. */
export function busMethodKind({ interface: name, member }: Message): BusMethodKind | null {
  const methods = ofInterfaces[name ?? bus.interface];
  return methods !== undefined && member !== null && Object.hasOwn(methods, member)
    ? (methods[member] ?? null)
    : null;
}
