import { isDeepStrictEqual } from 'node:util';
import type { DesiredContent, Readings } from './desired-content.ts';
import type { ContainerReading } from './draft.ts';
import { acceptable } from './finding.ts';
import type { DeviceReading } from './outlook.ts';
import { type Providers, type Resolution, resolveService } from './resolve-service.ts';

/**
 * What every rule of `device` leads to, by its name (ING-4), in a state that differs from `content` in `readings`. The same map as before
 * where neither the device nor a provider differs (ENG-6).
 */
export function resolveServices(
  content: DesiredContent,
  device: DeviceReading,
  readings: Readings,
): ReadonlyMap<string, Resolution> {
  const before = content.standing;
  const anew = before.device !== device;
  const concerned = anew ? [] : [...readings.keys()].filter((name) => device.listeners.byProvider.has(name));
  // A name that is gone or new is one less or more that a rule may have meant.
  const isContainer = (reading: ContainerReading | null | undefined) => (reading?.manifest ?? null) !== null;
  const renamed =
    before.resolutions.size > 0 &&
    [...readings].some(([name, reading]) => isContainer(reading) !== isContainer(content.readings.get(name)));
  if (!anew && concerned.length === 0 && !renamed) return before.resolutions;
  const providers = providersIn(content, device, readings);
  const resolutions = new Map(anew ? [] : before.resolutions);
  for (const rule of device.device.ingress) {
    const isConcerned =
      anew || concerned.includes(rule.provider) || isUnresolved(before.resolutions.get(rule.name));
    if (isConcerned)
      resolutions.set(rule.name, same(before.resolutions.get(rule.name), resolveService(rule, providers)));
  }
  return resolutions;
}

/** `former` where `next` says nothing else: so that what did not change is the same object. */
function same(former: Resolution | undefined, next: Resolution): Resolution {
  return former !== undefined && isDeepStrictEqual(former, next) ? former : next;
}

function isUnresolved(resolution: Resolution | undefined): boolean {
  return resolution === undefined || resolution === null || resolution.type === 'unresolved';
}

function providersIn(content: DesiredContent, { device }: DeviceReading, readings: Readings): Providers {
  const readingOf = (name: string): ContainerReading | undefined =>
    (readings.has(name) ? readings.get(name) : content.readings.get(name)) ?? undefined;
  return {
    container: (name) => {
      const reading = readingOf(name);
      if (reading === undefined) return undefined;
      // What is no container and has no error is none for a rule, either.
      return reading.manifest ?? (acceptable(reading.findings) ? undefined : null);
    },
    // Sorted: what is near may not depend on which came first.
    names: () =>
      [...new Set([...content.readings.keys(), ...readings.keys()])]
        .filter((name) => (readingOf(name)?.manifest ?? null) !== null)
        .sort(),
    pool: (name) => device.pools.get(name),
  };
}
