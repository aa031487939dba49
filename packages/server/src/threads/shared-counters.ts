/** Counters in shared memory: one thread counts, and another one reads at any time. */

/**
 * Makes an object whose properties are numbers in shared memory, one for each name. Only one thread may change them. A 64-bit machine
 * writes each of them whole, so a reader never sees a half of one.
 *
 * @param place Where they begin in the memory, in numbers of 8 bytes.
 */
export function sharedCounters<Name extends string>(
  names: readonly Name[],
  memory: SharedArrayBuffer,
  place = 0,
): Record<Name, number> {
  const numbers = new Float64Array(memory, place * Float64Array.BYTES_PER_ELEMENT, names.length);
  const counters = {} as Record<Name, number>;
  for (const [index, name] of names.entries()) {
    Object.defineProperty(counters, name, {
      enumerable: true,
      get: () => numbers[index],
      set: (value: number) => {
        numbers[index] = value;
      },
    });
  }
  return counters;
}

/** Returns memory for so many counters, all 0. */
export function counterMemory(count: number): SharedArrayBuffer {
  return new SharedArrayBuffer(count * Float64Array.BYTES_PER_ELEMENT);
}
