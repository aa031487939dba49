/** The table of snapshots inside of an image ("Snapshots"). */
import type { FileBytes } from '../device/image-file.ts';
import { damagedImage } from '../image-errors.ts';
import type { SnapshotFacts } from '../image-facts.ts';
import type { Qcow2Header } from './header.ts';
import { l1BytesMax, snapshotExtraBytesMax, snapshotsMax, snapshotTableBytesMax } from './limits.ts';

/** A snapshot: what people know of it, and where its tables are. */
export interface Qcow2Snapshot extends SnapshotFacts {
  /** Where its L1 table begins, in bytes. */
  readonly l1Offset: bigint;
  /** How many entries it has. */
  readonly l1Entries: number;
}

const fixedBytes = 40;
/** Read at once: enough for the table of most images. */
const pieceBytes = 65_536;

const utf8 = new TextDecoder();

/**
 * Reads the table of snapshots.
 *
 * @throws UsageError `ERR_NBD_IMAGE` when it is damaged.
 */
export async function readSnapshots(
  file: FileBytes,
  header: Qcow2Header,
  signal?: AbortSignal,
): Promise<readonly Qcow2Snapshot[]> {
  return (await readSnapshotTable(file, header, signal)).snapshots;
}

/** The same, and how long the table is, in bytes. */
export async function readSnapshotTable(
  file: FileBytes,
  header: Qcow2Header,
  signal?: AbortSignal,
): Promise<{ readonly snapshots: readonly Qcow2Snapshot[]; readonly bytes: number }> {
  const { snapshotCount, snapshotsOffset } = header;
  if (snapshotCount === 0) return { snapshots: [], bytes: 0 };
  if (snapshotCount > snapshotsMax) {
    throw damagedImage('the header at byte 60', `${snapshotCount} snapshots, expected ${snapshotsMax} or fewer`);
  }
  if (snapshotsOffset % 2n ** BigInt(header.clusterBits) !== 0n || snapshotsOffset >= BigInt(file.size)) {
    throw damagedImage('the header at byte 64', `the table of snapshots is at byte ${snapshotsOffset}`);
  }
  const table = new TableReader(file, Number(snapshotsOffset), signal);
  const snapshots: Qcow2Snapshot[] = [];
  for (let index = 0; index < snapshotCount; index++) snapshots.push(await readSnapshot(table, header));
  return { snapshots, bytes: table.place - Number(snapshotsOffset) };
}

/** Finds a snapshot by its id, else by its name. */
export function findSnapshot(snapshots: readonly Qcow2Snapshot[], name: string): Qcow2Snapshot | undefined {
  return snapshots.find((one) => one.id === name) ?? snapshots.find((one) => one.name === name);
}

async function readSnapshot(table: TableReader, header: Qcow2Header): Promise<Qcow2Snapshot> {
  const place = `the snapshot at byte ${table.place}`;
  const fixed = await table.read(fixedBytes);
  const view = new DataView(fixed.buffer, fixed.byteOffset, fixed.length);
  const l1Entries = view.getUint32(8);
  if (l1Entries > l1BytesMax / 8) {
    throw damagedImage(place, `its L1 table has ${l1Entries} entries, expected ${l1BytesMax / 8} or fewer`);
  }
  const [idBytes, nameBytes, extraBytes] = [view.getUint16(12), view.getUint16(14), view.getUint32(36)];
  if (extraBytes > snapshotExtraBytesMax) {
    throw damagedImage(place, `${extraBytes} bytes of extra data, expected ${snapshotExtraBytesMax} or fewer`);
  }
  const texts = extraBytes + idBytes + nameBytes;
  const rest = await table.read(texts);
  // QEMU does not write what would fill up the last one.
  table.skip((8 - ((fixedBytes + texts) % 8)) % 8);
  const extra = new DataView(rest.buffer, rest.byteOffset, extraBytes);
  return {
    id: utf8.decode(rest.subarray(extraBytes, extraBytes + idBytes)),
    name: utf8.decode(rest.subarray(extraBytes + idBytes, texts)),
    createdMs: view.getUint32(16) * 1000 + Math.floor(view.getUint32(20) / 1_000_000),
    machineTimeNs: view.getBigUint64(24),
    machineStateBytes: extraBytes >= 8 ? extra.getBigUint64(0) : BigInt(view.getUint32(32)),
    virtualBytes: extraBytes >= 16 ? extra.getBigUint64(8) : header.virtualBytes,
    l1Offset: view.getBigUint64(0),
    l1Entries,
  };
}

/** Reads a table of entries of different lengths from start to end. */
class TableReader {
  readonly #file: FileBytes;
  readonly #start: number;
  readonly #signal: AbortSignal | undefined;
  #piece = new Uint8Array(0);
  /** Where the piece begins in the file. */
  #pieceStart: number;
  #at: number;

  constructor(file: FileBytes, start: number, signal: AbortSignal | undefined) {
    this.#file = file;
    this.#start = start;
    this.#signal = signal;
    this.#pieceStart = start;
    this.#at = start;
  }

  get place(): number {
    return this.#at;
  }

  skip(length: number): void {
    this.#at += length;
  }

  /** The next bytes, valid until the next call. */
  async read(length: number): Promise<Uint8Array> {
    const end = this.#at + length;
    if (end - this.#start > snapshotTableBytesMax) {
      throw damagedImage('the table of snapshots', `it is longer than ${snapshotTableBytesMax} bytes`);
    }
    if (end > this.#file.size) {
      throw damagedImage(
        `the snapshot at byte ${this.#at}`,
        `it reaches past the end of the file at ${this.#file.size}`,
      );
    }
    if (end > this.#pieceStart + this.#piece.length) {
      this.#piece = new Uint8Array(Math.min(Math.max(pieceBytes, length), this.#file.size - this.#at));
      this.#pieceStart = this.#at;
      await this.#file.read(this.#at, this.#piece, this.#signal);
    }
    const bytes = this.#piece.subarray(this.#at - this.#pieceStart, end - this.#pieceStart);
    this.#at = end;
    return bytes;
  }
}
