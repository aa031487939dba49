/** The combinations of what a qcow2 image can be. */

export interface Combination {
  readonly version: '0.10' | '1.1';
  readonly clusterBytes: number;
  readonly compression: 'none' | 'zlib' | 'zstd';
  readonly extended: 'on' | 'off';
  readonly refcountBits: number;
  /** Images below. */
  readonly depth: number;
  readonly dataFile: 'on' | 'off';
  readonly snapshots: 'on' | 'off';
}

/** Combinations that can be over the same images. */
export interface ImageFamily
  extends Pick<Combination, 'version' | 'clusterBytes' | 'compression' | 'extended' | 'refcountBits'> {
  readonly combinations: readonly Combination[];
}

type Values = { readonly [Key in keyof Combination]: readonly Combination[Key][] };

/** All that the format has. */
export const allValues: Values = {
  version: ['0.10', '1.1'],
  clusterBytes: Array.from({ length: 13 }, (_, index) => 512 * 2 ** index),
  compression: ['none', 'zlib', 'zstd'],
  extended: ['off', 'on'],
  refcountBits: [1, 2, 4, 8, 16, 32, 64],
  depth: [0, 1, 2, 3],
  dataFile: ['off', 'on'],
  snapshots: ['off', 'on'],
};

/** Of long lists, both ends and the default. */
export const someValues: Values = { ...allValues, clusterBytes: [512, 65_536, 2 ** 21], refcountBits: [1, 16, 64] };

/** Whether QEMU makes such an image. */
function isPossible(one: Combination): boolean {
  const { version, clusterBytes, compression, extended, refcountBits, dataFile, snapshots } = one;
  const isNew = compression !== 'zstd' && extended === 'off' && refcountBits === 16 && dataFile === 'off';
  if (version === '0.10' && !isNew) return false;
  if (extended === 'on' && clusterBytes < 16_384) return false;
  // Clusters of a data file are neither compressed nor shared with snapshots; a cluster that several owners share needs room for
  // their number, and small compressed ones share one cluster of the file.
  if (dataFile === 'on' && (compression !== 'none' || snapshots === 'on')) return false;
  return snapshots === 'off' || refcountBits > (compression === 'none' ? 1 : 2);
}

export function allCombinations(values: Values): readonly Combination[] {
  let found: Partial<Combination>[] = [{}];
  for (const [key, list] of Object.entries(values)) {
    found = found.flatMap((one) => list.map((value) => ({ ...one, [key]: value })));
  }
  return (found as Combination[]).filter(isPossible);
}

/** Puts combinations together whose images below are the same. */
export function familiesOf(combinations: readonly Combination[]): readonly ImageFamily[] {
  const families = new Map<string, Combination[]>();
  for (const one of combinations) {
    const key = JSON.stringify(sharedOf(one));
    families.set(key, [...(families.get(key) ?? []), one]);
  }
  return [...families.values()].map((members) => ({ ...sharedOf(members[0] as Combination), combinations: members }));
}

function sharedOf({ version, clusterBytes, compression, extended, refcountBits }: Combination) {
  return { version, clusterBytes, compression, extended, refcountBits };
}

/** A few combinations in which each possible pair of two values is found. */
export function pairwise(values: Values): readonly Combination[] {
  const all = allCombinations(values);
  const left = new Set(all.flatMap(pairsOf));
  const chosen: Combination[] = [];
  while (left.size > 0) {
    let best: Combination | undefined;
    let most = 0;
    for (const one of all) {
      const count = pairsOf(one).filter((pair) => left.has(pair)).length;
      if (count > most) [best, most] = [one, count];
    }
    if (best === undefined) break;
    chosen.push(best);
    for (const pair of pairsOf(best)) left.delete(pair);
  }
  return chosen;
}

function pairsOf(one: Combination): readonly string[] {
  const values = Object.entries(one).map(([key, value]) => `${key}=${value}`);
  return values.flatMap((first, index) => values.slice(index + 1).map((second) => `${first} ${second}`));
}
