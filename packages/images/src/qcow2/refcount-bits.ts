/** Refcounts of 1 to 64 bits in a block of them ("Refcount blocks"). */

/** Reads and changes the refcounts in a view of a block. */
export interface RefcountBits {
  /** How many bits each has. */
  readonly bits: number;
  /** The highest that can be stored. */
  readonly max: number;
  get(view: DataView, index: number): number;
  set(view: DataView, index: number, count: number): void;
}

/** @param order the width of a refcount, as a power of two: 0 to 6 */
export function refcountBits(order: number): RefcountBits {
  const bits = 2 ** order;
  if (order < 3) return narrow(bits);
  const known = wide[order];
  if (known === undefined) throw new RangeError(`refcounts of 2^${order} bits, expected 2^6 or fewer`);
  return { bits, max: Math.min(2 ** bits - 1, Number.MAX_SAFE_INTEGER), ...known };
}

/** Several in a byte, from its lowest bits on. */
function narrow(bits: number): RefcountBits {
  const perByte = 8 / bits;
  const mask = 2 ** bits - 1;
  return {
    bits,
    max: mask,
    get: (view, index) => (view.getUint8(Math.floor(index / perByte)) >> ((index % perByte) * bits)) & mask,
    set: (view, index, count) => {
      const at = Math.floor(index / perByte);
      const shift = (index % perByte) * bits;
      view.setUint8(at, (view.getUint8(at) & ~(mask << shift)) | (count << shift));
    },
  };
}

const wide: Readonly<Record<number, Pick<RefcountBits, 'get' | 'set'>>> = {
  3: { get: (view, index) => view.getUint8(index), set: (view, index, count) => view.setUint8(index, count) },
  4: {
    get: (view, index) => view.getUint16(2 * index),
    set: (view, index, count) => view.setUint16(2 * index, count),
  },
  5: {
    get: (view, index) => view.getUint32(4 * index),
    set: (view, index, count) => view.setUint32(4 * index, count),
  },
  6: {
    get: (view, index) => Number(view.getBigUint64(8 * index)),
    set: (view, index, count) => view.setBigUint64(8 * index, BigInt(count)),
  },
};
