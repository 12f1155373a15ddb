import { randomNumbers } from '../../state/random.ts';

/** Whole numbers from 0 to `below` - 1. */
export type Random = (below: number) => number;

/** One of `values`. */
export function pick<Value>(random: Random, values: readonly [Value, ...Value[]]): Value {
  return values[random(values.length)] ?? values[0];
}

/** One of as many as there are; undefined of none. */
export function pickAny<Value>(random: Random, values: readonly Value[]): Value | undefined {
  return values[random(values.length)];
}

/** True once in `times`. */
export function oneIn(random: Random, times: number): boolean {
  return random(times) === 0;
}

/** Numbers that follow from `seed` and `occasion` alone: the same ones whatever else happens (FNV-1a, 32 bits). */
export function randomOf(seed: number, occasion: string): Random {
  let hash = 0x811c9dc5 ^ seed;
  for (let index = 0; index < occasion.length; index += 1) {
    hash = Math.imul(hash ^ occasion.charCodeAt(index), 0x01000193);
  }
  return randomNumbers(hash >>> 0);
}
