/** The position that a copy has reached, saved so that another run can go on from there. */
import { type Abortable, type BlockDevice, type CheckpointStore, UsageError } from '@nbdjs/interfaces';
import { firstDifferenceWithin } from '../comparison/compare-devices.ts';

/** One side of a copy, as it is recognised by the next run. */
export interface CheckpointSide {
  /** The device that is copied from or to. */
  readonly device: BlockDevice;
  /** A path or a URI. The next run has to use the same one. */
  readonly name: string;
  /** Of a file: what tells it from another file of the same name, such as its device and inode. */
  readonly file?: string | undefined;
  /** Of a source file: the time of its last change, in milliseconds since 1970. A later change makes the checkpoint void. */
  readonly modifiedMs?: number | undefined;
}

const format = 'nbdjs copy checkpoint 1';
/** A checkpoint takes a few hundred characters; a longer text is something else. */
const textLengthMax = 65_536;

/** Before a copy goes on, this many samples of what was copied are compared, each of this many bytes. */
const sampleCount = 16;
const sampleBytes = 65_536n;

interface SideRecord {
  readonly name: string;
  /** In bytes, decimal. */
  readonly size: string;
  readonly file?: string;
  readonly modifiedMs?: number;
}

interface CheckpointRecord {
  readonly format: typeof format;
  readonly source: SideRecord;
  readonly destination: SideRecord;
  /** Everything before this is in the destination, in bytes, decimal. */
  readonly position: string;
}

/**
 * The checkpoint of one copy. `resumePosition` says where the copy begins, `save` is for `CopyOptions.checkpoint`, and `remove` is called
 * when all is copied.
 */
export class CopyCheckpoint {
  readonly #store: CheckpointStore;
  readonly #source: CheckpointSide;
  readonly #destination: CheckpointSide;
  /** As they were when the copy began: a source that is written to meanwhile has changed. */
  readonly #records: Pick<CheckpointRecord, 'source' | 'destination'>;

  constructor(store: CheckpointStore, source: CheckpointSide, destination: CheckpointSide) {
    this.#store = store;
    this.#source = source;
    this.#destination = destination;
    this.#records = { source: recordOf(source), destination: recordOf(destination) };
  }

  /**
   * Returns where the copy goes on, in bytes: 0 if there is no checkpoint. Compares samples of what was copied.
   *
   * @throws UsageError when the checkpoint is that of another copy, when one of the sides has changed, or when the samples differ; errors of
   * the store and of the devices; the signal's reason.
   */
  async resumePosition({ signal }: Abortable = {}): Promise<bigint> {
    const record = await loadRecord(this.#store);
    if (record === undefined) return 0n;
    for (const role of ['source', 'destination'] as const) {
      const difference = describeDifference(record[role], this.#records[role]);
      if (difference !== undefined) throw this.#refusal(`the ${role} ${difference}`);
    }
    const position = BigInt(record.position);
    const { device: source } = this.#source;
    const { device: destination } = this.#destination;
    if (position > source.geometry.size) throw this.#refusal(`it ends at ${position}, after the source's end`);
    const differsAt = await compareSamples(source, destination, position, signal);
    if (differsAt !== undefined) throw this.#refusal(`source and destination differ at byte ${differsAt}`);
    return position;
  }

  /** Notes that everything before `position` is in the destination, and durable. */
  async save(position: bigint): Promise<void> {
    const record: CheckpointRecord = { format, ...this.#records, position: `${position}` };
    await this.#store.save(`${JSON.stringify(record, null, 2)}\n`);
  }

  /** Removes the checkpoint, because there is nothing left to copy. */
  async remove(): Promise<void> {
    await this.#store.remove();
  }

  #refusal(why: string): UsageError {
    const message = `cannot go on from the checkpoint ${this.#store.name}: ${why}; remove it to copy from the start`;
    return new UsageError('ERR_NBD_ARGUMENT', message);
  }
}

/**
 * Returns whether the store holds a checkpoint.
 *
 * @throws UsageError when it holds something else.
 */
export async function hasCheckpoint(store: CheckpointStore): Promise<boolean> {
  return (await loadRecord(store)) !== undefined;
}

async function loadRecord(store: CheckpointStore): Promise<CheckpointRecord | undefined> {
  const text = await store.load();
  if (text === undefined) return undefined;
  const record = text.length > textLengthMax ? undefined : parseJson(text);
  if (isRecord(record)) return record;
  throw new UsageError('ERR_NBD_ARGUMENT', `${store.name} is not a checkpoint of a copy, and stays unchanged`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is CheckpointRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { format: found, source, destination, position } = value as Partial<Record<string, unknown>>;
  return found === format && isSideRecord(source) && isSideRecord(destination) && isDecimal(position);
}

function isSideRecord(value: unknown): value is SideRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { name, size, file, modifiedMs } = value as Partial<Record<string, unknown>>;
  const isFile = file === undefined || typeof file === 'string';
  return typeof name === 'string' && isDecimal(size) && isFile && ['undefined', 'number'].includes(typeof modifiedMs);
}

function isDecimal(value: unknown): boolean {
  return typeof value === 'string' && /^\d{1,19}$/.test(value);
}

function recordOf({ device, name, file, modifiedMs }: CheckpointSide): SideRecord {
  return {
    name,
    size: `${device.geometry.size}`,
    ...(file === undefined ? {} : { file }),
    ...(modifiedMs === undefined ? {} : { modifiedMs }),
  };
}

function describeDifference(then: SideRecord, now: SideRecord): string | undefined {
  if (then.name !== now.name) return `was ${then.name}, and is ${now.name}`;
  if (then.size !== now.size) return `had ${then.size} bytes, and has ${now.size}`;
  if (then.file !== now.file) return 'is another file of the same name';
  if (then.modifiedMs !== now.modifiedMs) return 'was written to since then';
  return undefined;
}

/** Compares samples of what lies before `end`, the last one first: a destination that has lost something shows it there. */
async function compareSamples(
  source: BlockDevice,
  destination: BlockDevice,
  end: bigint,
  signal: AbortSignal | undefined,
): Promise<bigint | undefined> {
  // Samples begin and end where blocks do.
  const blocks = [source, destination].map(({ geometry }) => BigInt(geometry.minimumBlockSize));
  const stepBytes = blocks.reduce((most, one) => (one > most ? one : most), sampleBytes);
  for (let number = sampleCount; number > 0; number--) {
    const place = (end * BigInt(number)) / BigInt(sampleCount);
    if (place === 0n) break;
    const start = ((place - 1n) / stepBytes) * stepBytes;
    const stepEnd = start + stepBytes;
    const range = { start, end: stepEnd < end ? stepEnd : end };
    const differsAt = await firstDifferenceWithin(source, destination, range, signal);
    if (differsAt !== undefined) return differsAt;
  }
  return undefined;
}
