/** A file that tells how far a copy has come, so that another run can go on from there. */
import { constants } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { compareDevices } from '@nbdjs/copy';
import { type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { createSliceLayer } from '@nbdjs/storage';
import { systemErrorOf } from '../failure.ts';
import type { DeviceSide } from './copy-sides.ts';

const format = 'nbdjs copy checkpoint 1';
/** A checkpoint takes a few hundred bytes; what is longer is none. */
const bytesMax = 65_536;

/** Before a copy goes on, so many samples of what was copied are compared, each of so many bytes. */
const sampleCount = 16;
const sampleBytes = 65_536n;

/** One side, as far as it can be told from another one. */
interface SideRecord {
  readonly name: string;
  /** In bytes, decimal. */
  readonly size: string;
  /** Of files only: it is the same one (device and inode), and, for a source, it was not written to meanwhile. */
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

export class CheckpointFile {
  readonly #path: string;
  readonly #source: SideRecord;
  readonly #destination: SideRecord;

  constructor(path: string, from: DeviceSide, to: DeviceSide) {
    this.#path = path;
    this.#source = { ...recordOf(from), ...(from.stats && { modifiedMs: from.stats.mtimeMs }) };
    this.#destination = recordOf(to);
  }

  /**
   * Where the copy is to go on: 0 when there is no such file.
   *
   * @throws UsageError when the file tells of another copy, or when what it tells is not so.
   */
  async position(from: DeviceSide, to: DeviceSide, signal: AbortSignal): Promise<bigint> {
    const record = await readRecord(this.#path);
    if (record === undefined) return 0n;
    for (const [role, then, now] of [
      ['source', record.source, this.#source],
      ['destination', record.destination, this.#destination],
    ] as const) {
      const difference = differenceOf(then, now);
      if (difference !== undefined) throw this.#refusal(`the ${role} ${difference}`);
    }
    const position = BigInt(record.position);
    if (position > from.device.geometry.size) throw this.#refusal(`it ends at ${position}, behind the source's end`);
    const differsAt = await firstDifference(from.device, to.device, position, signal);
    if (differsAt !== undefined) throw this.#refusal(`source and destination differ at byte ${differsAt}`);
    return position;
  }

  /** Replaces the file, whole or not at all. */
  async save(position: bigint): Promise<void> {
    const record: CheckpointRecord = {
      format,
      source: this.#source,
      destination: this.#destination,
      position: `${position}`,
    };
    const fresh = `${this.#path}.new`;
    try {
      const file = await open(fresh, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o666);
      try {
        await file.writeFile(`${JSON.stringify(record, null, 2)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(fresh, this.#path);
    } catch (error) {
      // What cannot be used is not left behind, and the checkpoint before is as good as it was.
      await rm(fresh, { force: true }).catch(() => {});
      throw systemErrorOf(`the checkpoint ${this.#path} cannot be saved`, error);
    }
  }

  /** There is nothing to go on with any more. */
  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  #refusal(why: string): UsageError {
    const message = `cannot go on from the checkpoint ${this.#path}: ${why}; remove it to copy from the start`;
    return new UsageError('ERR_NBD_ARGUMENT', message);
  }
}

/** Whether there is a checkpoint. @throws UsageError when the file is something else. */
export async function hasCheckpoint(path: string): Promise<boolean> {
  return (await readRecord(path)) !== undefined;
}

async function readRecord(path: string): Promise<CheckpointRecord | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const record = text.length > bytesMax ? undefined : parse(text);
  if (isRecord(record)) return record;
  throw new UsageError('ERR_NBD_ARGUMENT', `${path} is not a checkpoint of nbd copy, and is left as it is`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is CheckpointRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { format: found, source, destination, position } = value as Partial<Record<string, unknown>>;
  return found === format && isSide(source) && isSide(destination) && isNumber(position);
}

function isSide(value: unknown): value is SideRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { name, size, file, modifiedMs } = value as Partial<Record<string, unknown>>;
  const isFile = file === undefined || typeof file === 'string';
  return typeof name === 'string' && isNumber(size) && isFile && ['undefined', 'number'].includes(typeof modifiedMs);
}

function isNumber(value: unknown): boolean {
  return typeof value === 'string' && /^\d{1,19}$/.test(value);
}

function recordOf({ name, device, stats }: DeviceSide): SideRecord {
  const size = `${device.geometry.size}`;
  return stats === undefined ? { name, size } : { name, size, file: `${stats.dev}:${stats.ino}` };
}

function differenceOf(then: SideRecord, now: SideRecord): string | undefined {
  if (then.name !== now.name) return `was ${then.name}, and is ${now.name}`;
  if (then.size !== now.size) return `had ${then.size} bytes, and has ${now.size}`;
  if (then.file !== now.file) return 'is another file of the same name';
  if (then.modifiedMs !== now.modifiedMs) return 'was written to since then';
  return undefined;
}

/** Looks at samples of what lies before `end`, the last one first: there a target that has lost something would show it. */
async function firstDifference(
  source: BlockDevice,
  target: BlockDevice,
  end: bigint,
  signal: AbortSignal,
): Promise<bigint | undefined> {
  // Samples begin where blocks do.
  const blocks = [source, target].map(({ geometry }) => BigInt(geometry.minimumBlockSize));
  const stepBytes = blocks.reduce((most, one) => (one > most ? one : most), sampleBytes);
  for (let number = sampleCount; number > 0; number--) {
    const sampleEnd = (end * BigInt(number)) / BigInt(sampleCount);
    if (sampleEnd === 0n) break;
    const start = ((sampleEnd - 1n) / stepBytes) * stepBytes;
    const part = { offset: start, length: sampleEnd - start };
    const parts = [createSliceLayer(source, part), createSliceLayer(target, part)] as const;
    const { differsAt } = await compareDevices(...parts, { signal });
    if (differsAt !== undefined) return start + differsAt;
  }
  return undefined;
}
