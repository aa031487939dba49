/** The feature bits of a header, and their names ("Header", bytes 72 to 95). */

/** Features that a reader has to know. */
export const Incompatible = {
  /** The refcounts may be wrong; tables are right. */
  Dirty: 1n,
  /** Something was found to be damaged: writing is not allowed. */
  Corrupt: 2n,
  /** Clusters are in another file. */
  ExternalData: 4n,
  /** The compression type is in the header, and is not deflate. */
  CompressionType: 8n,
  /** L2 entries have 16 bytes, with bits for 32 subclusters. */
  ExtendedL2: 16n,
} as const;

/** Features that a reader may ignore. */
export const Compatible = {
  /** Refcounts are brought up to date late; the dirty bit says when they are not. */
  LazyRefcounts: 1n,
} as const;

/** Features whose data are stale after a write by a program that does not know them: such a program clears the bit. */
export const Autoclear = {
  /** The bitmaps are consistent with the data. */
  Bitmaps: 1n,
  /** The external data file can be used as a raw disk, too. */
  RawExternalData: 2n,
} as const;

/** Which of the three fields a feature bit is in, by the numbers of the feature name table. */
export const featureKinds = ['incompatible', 'compatible', 'autoclear'] as const;

/** One of the three fields of feature bits. */
export type FeatureKind = (typeof featureKinds)[number];

/** The name of one feature bit, as an image has it in its feature name table. */
export interface FeatureName {
  /** Which field the bit is in. */
  readonly kind: FeatureKind;
  /** The bit's number, 0 to 63. */
  readonly bit: number;
  /** At most 46 bytes in UTF-8. */
  readonly name: string;
}

/** The names of all features that we know. */
export const knownFeatures: readonly FeatureName[] = [
  { kind: 'incompatible', bit: 0, name: 'dirty bit' },
  { kind: 'incompatible', bit: 1, name: 'corrupt bit' },
  { kind: 'incompatible', bit: 2, name: 'external data file' },
  { kind: 'incompatible', bit: 3, name: 'compression type' },
  { kind: 'incompatible', bit: 4, name: 'extended L2 entries' },
  { kind: 'compatible', bit: 0, name: 'lazy refcounts' },
  { kind: 'autoclear', bit: 0, name: 'bitmaps' },
  { kind: 'autoclear', bit: 1, name: 'raw external data' },
];

/** Returns the names of the bits that are set, in ascending order: those of `names`, then of those we know, else `bit N`. */
export function nameFeatures(kind: FeatureKind, bits: bigint, names: readonly FeatureName[] = []): readonly string[] {
  const found: string[] = [];
  for (let bit = 0; bit < 64; bit++) {
    if ((bits & (1n << BigInt(bit))) === 0n) continue;
    const named = [...names, ...knownFeatures].find((one) => one.kind === kind && one.bit === bit);
    found.push(named?.name ?? `bit ${bit}`);
  }
  return found;
}
