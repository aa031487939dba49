/** Makes bad inputs from good ones. */

export type Random = () => number;

export const inputBytesMax = 64 * 1024;

const pick = <Value>(random: Random, values: readonly Value[]): Value =>
  values[Math.floor(random() * values.length)] as Value;
const below = (random: Random, end: number): number => Math.floor(random() * end);

/** Numbers at which programs go wrong. */
const interesting = [
  0n,
  1n,
  2n,
  0x7fn,
  0xffn,
  0x7fffn,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  4096n,
  4097n,
];
const interestingWide = [0x7fff_ffff_ffff_ffffn, 0x8000_0000_0000_0000n, 0xffff_ffff_ffff_ffffn, 2n ** 53n, 2n ** 32n];

/** Fields of the protocol begin at even places, mostly; so do most of the numbers that are written. */
function place(random: Random, bytes: Uint8Array, width: number): number {
  const last = Math.max(0, bytes.length - width);
  const at = below(random, last + 1);
  return random() < 0.7 ? at - (at % 2) : at;
}

type Mutation = (bytes: Uint8Array, random: Random, other: () => Uint8Array) => Uint8Array;

const flipBit: Mutation = (bytes, random) => {
  const at = below(random, bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << below(random, 8));
  return bytes;
};

const setByte: Mutation = (bytes, random) => {
  bytes[below(random, bytes.length)] = below(random, 256);
  return bytes;
};

const setNumber: Mutation = (bytes, random) => {
  const width = pick(random, [2, 4, 4, 4, 8]);
  if (bytes.length < width) return bytes;
  const values = width === 8 ? [...interesting, ...interestingWide] : interesting;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const at = place(random, bytes, width);
  const value = BigInt.asUintN(
    8 * width,
    pick(random, values) + BigInt(below(random, 3) - 1) * BigInt(below(random, 2)),
  );
  if (width === 2) view.setUint16(at, Number(value));
  else if (width === 4) view.setUint32(at, Number(value));
  else view.setBigUint64(at, value);
  return bytes;
};

const nudgeNumber: Mutation = (bytes, random) => {
  if (bytes.length < 4) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const at = place(random, bytes, 4);
  view.setUint32(at, (view.getUint32(at) + below(random, 17) - 8) >>> 0);
  return bytes;
};

const truncate: Mutation = (bytes, random) => bytes.slice(0, below(random, bytes.length));

const remove: Mutation = (bytes, random) => {
  const from = below(random, bytes.length);
  return joined(bytes.subarray(0, from), bytes.subarray(from + 1 + below(random, 64)));
};

const insert: Mutation = (bytes, random) => {
  const at = below(random, bytes.length + 1);
  const noise = Uint8Array.from({ length: 1 + below(random, 40) }, () => below(random, 256));
  return joined(bytes.subarray(0, at), noise, bytes.subarray(at));
};

const repeat: Mutation = (bytes, random) => {
  const from = below(random, bytes.length);
  const to = from + 1 + below(random, Math.min(4096, bytes.length - from));
  const piece = bytes.subarray(from, to);
  const times = random() < 0.1 ? 200 : 1 + below(random, 4);
  return joined(bytes.subarray(0, to), ...Array.from({ length: times }, () => piece), bytes.subarray(to));
};

const splice: Mutation = (bytes, random, other) => {
  const donor = other();
  const from = below(random, donor.length);
  const piece = donor.subarray(from, from + 1 + below(random, donor.length - from));
  const at = below(random, bytes.length + 1);
  const kept = random() < 0.5 ? bytes.subarray(at) : bytes.subarray(Math.min(bytes.length, at + piece.length));
  return joined(bytes.subarray(0, at), piece, kept);
};

const mutations: readonly Mutation[] = [
  flipBit,
  setByte,
  setNumber,
  setNumber,
  setNumber,
  nudgeNumber,
  truncate,
  remove,
  insert,
  repeat,
  splice,
];

/** A good input, changed in one place or in several; now and then not at all, or nothing but noise. */
export function mutate(corpus: readonly Uint8Array[], random: Random): Uint8Array {
  const other = (): Uint8Array => pick(random, corpus);
  if (corpus.length === 0 || random() < 0.02) {
    return Uint8Array.from({ length: below(random, 400) }, () => below(random, 256));
  }
  let bytes: Uint8Array = other().slice(0, inputBytesMax);
  for (let count = Math.floor(-Math.log2(1 - random()) * 1.5); count > 0 && bytes.length > 0; count--) {
    bytes = pick(random, mutations)(bytes, random, other).slice(0, inputBytesMax);
  }
  return bytes;
}

function joined(...pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const piece of pieces) {
    whole.set(piece, position);
    position += piece.length;
  }
  return whole;
}
