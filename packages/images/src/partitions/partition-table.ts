/** Partition tables as data. */

/** One partition. */
export interface Partition {
  /** As the system counts: MBR has 1 to 4 in its first sector and the logical ones from 5 on; GPT counts its entries from 1 on. */
  readonly number: number;
  /** `extended`: an area of MBR that holds the logical ones, and no data of its own. */
  readonly kind: 'primary' | 'extended' | 'logical';
  /** First byte, from the start of the disk. */
  readonly offset: bigint;
  /** Length in bytes, never 0. */
  readonly length: bigint;
  /** MBR: two hexadecimal digits, such as `83`. GPT: a GUID in capitals. */
  readonly type: string;
  /** What the type means, where we know it, such as `Linux filesystem`. */
  readonly typeName: string | undefined;
  /** The GUID of the partition (GPT only). */
  readonly id: string | undefined;
  /** Given by people (GPT only). */
  readonly name: string | undefined;
  /** Marked for starting the system: active (MBR), or legacy bootable (GPT). */
  readonly isBootable: boolean;
  /** The attribute bits (GPT only). */
  readonly attributes: bigint | undefined;
  /** Why it cannot be used as it is, in words: it reaches past the end of the disk, or overlaps another. */
  readonly problems: readonly string[];
}

/** The partition table of a disk. */
export interface PartitionTable {
  /** Which kind of table. */
  readonly scheme: 'gpt' | 'mbr';
  /** The unit in which the table counts, in bytes. */
  readonly sectorBytes: number;
  /** Of the disk: a GUID (GPT), or eight hexadecimal digits (MBR). */
  readonly id: string;
  /** In the order of their numbers; entries that are not in use are left out. */
  readonly partitions: readonly Partition[];
  /** What is wrong with the table as a whole, in words: a damaged copy, a loop. Empty when all is well. */
  readonly problems: readonly string[];
}

/** A partition before it is compared with the others. */
export type PartitionEntry = Omit<Partition, 'problems'>;

/** Adds what is wrong with each partition: the end of the disk, and overlaps. */
export function judgePartitions(entries: readonly PartitionEntry[], diskBytes: bigint): readonly Partition[] {
  const problems = new Map<number, string[]>(entries.map(({ number }) => [number, []]));
  const note = (number: number, problem: string): void => void problems.get(number)?.push(problem);
  for (const { number, offset, length } of entries) {
    const end = offset + length;
    if (end > diskBytes) note(number, `it ends at byte ${end}, and the disk at ${diskBytes}`);
  }
  // Each is compared with the one that reaches furthest of those before it, so that a table of thousands is quick.
  const inOrder = entries.filter(({ kind }) => kind !== 'extended');
  inOrder.sort((one, other) => (one.offset < other.offset ? -1 : 1));
  let furthest: PartitionEntry | undefined;
  for (const entry of inOrder) {
    if (furthest !== undefined && entry.offset < furthest.offset + furthest.length) {
      note(entry.number, `it overlaps partition ${furthest.number}`);
      note(furthest.number, `it overlaps partition ${entry.number}`);
    }
    if (furthest === undefined || entry.offset + entry.length > furthest.offset + furthest.length) furthest = entry;
  }
  return entries.map((entry) => ({ ...entry, problems: problems.get(entry.number) ?? [] }));
}
