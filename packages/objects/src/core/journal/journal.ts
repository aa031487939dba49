/** A ring of records on a local device: what was written, until the store has it. */
import { type Abortable, type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { untilAborted } from '@nbdjs/kit';
import { xxhash32 } from '../format/xxhash32.ts';
import {
  decodeRecordHead,
  decodeSuperblock,
  encodeRecordHead,
  encodeSuperblock,
  type JournalRecord,
  recordHeadBytes,
  ringStart,
  type Superblock,
  superblockBytes,
} from './journal-format.ts';

/** The least size of a journal, in bytes. */
const journalBytesLeast = 2 ** 20;

/** Records begin at multiples of this, or of the device's own blocks. */
const alignLeast = 512;

/** How far a journal is. */
export interface JournalMark {
  readonly position: number;
  readonly number: number;
}

export class Journal {
  readonly #device: BlockDevice;
  readonly #align: number;
  readonly #ringBytes: number;
  #super: Superblock;
  /** Where the next record goes. */
  #head: JournalMark;
  /** What the superblock on the device says: space behind it can be used again. */
  #free: JournalMark;
  #waiters: (() => void)[] = [];
  #isFailed: { readonly error: unknown } | undefined;

  private constructor(device: BlockDevice, superblock: Superblock) {
    this.#device = device;
    this.#align = Math.max(alignLeast, device.geometry.minimumBlockSize);
    this.#ringBytes = superblock.ringBytes;
    this.#super = superblock;
    this.#free = { position: superblock.tail, number: superblock.number };
    this.#head = this.#free;
  }

  /**
   * Opens what is on the device, or begins a new journal where there is none.
   *
   * @throws UsageError `ERR_NBD_ARGUMENT` for a device that is too small, or blocks that are too large.
   */
  static async open(device: BlockDevice, makeId: () => string): Promise<Journal> {
    const { size, minimumBlockSize } = device.geometry;
    if (size < journalBytesLeast || minimumBlockSize > superblockBytes) {
      const message = `a journal of ${size} bytes in blocks of ${minimumBlockSize}, expected ${journalBytesLeast} bytes or more, in blocks of ${superblockBytes} at most`;
      throw new UsageError('ERR_NBD_ARGUMENT', message);
    }
    const blocks: Superblock[] = [];
    for (const offset of [0, superblockBytes]) {
      const bytes = new Uint8Array(superblockBytes);
      await device.read(offset, bytes);
      const block = decodeSuperblock(bytes);
      if (block !== undefined) blocks.push(block);
    }
    const ringBytes = Number(size) - ringStart - ((Number(size) - ringStart) % superblockBytes);
    const [newest] = blocks.sort((one, other) => other.sequence - one.sequence);
    // The journal of a device that has become smaller cannot be read.
    if (newest !== undefined && newest.ringBytes > ringBytes) {
      const message = `the journal has a ring of ${newest.ringBytes} bytes, and there is room for ${ringBytes} only`;
      throw new UsageError('ERR_NBD_ARGUMENT', message);
    }
    const fresh = { sequence: 0, id: makeId(), disk: '0'.repeat(16), epoch: 0, ringBytes, tail: 0, number: 1 };
    return new Journal(device, newest ?? fresh);
  }

  get id(): string {
    return this.#super.id;
  }

  /** The disk whose writes it has. */
  get disk(): string {
    return this.#super.disk;
  }

  /** The epoch of the writer whose records it has. */
  get epoch(): number {
    return this.#super.epoch;
  }

  /** Where the next record will go. */
  get head(): JournalMark {
    return this.#head;
  }

  /** Bytes of the ring that are in use. */
  get usedBytes(): number {
    return this.#head.position - this.#free.position;
  }

  get ringBytes(): number {
    return this.#ringBytes;
  }

  /** The longest write in one record, in bytes: several have to fit. */
  get recordBytesMax(): number {
    return Math.floor(this.#ringBytes / 8);
  }

  /** All records from the tail on, in order. The next record goes behind the last one. */
  async *records(): AsyncGenerator<readonly [record: JournalRecord, bytes: Uint8Array]> {
    this.#head = this.#free;
    for (;;) {
      const { position, number } = this.#head;
      if (position - this.#free.position + this.#align > this.#ringBytes) return;
      const start = await this.#read(position, this.#align);
      const record = decodeRecordHead(start);
      if (record === undefined || record.number !== number) return;
      const byteCount = record.kind === 'write' ? record.length : 0;
      const total = this.#lengthOf(byteCount);
      if (!(byteCount <= this.recordBytesMax) || position - this.#free.position + total > this.#ringBytes) return;
      const whole = await this.#read(position, total);
      const bytes = whole.subarray(recordHeadBytes, recordHeadBytes + byteCount);
      if (xxhash32(bytes, number) !== record.sum) return;
      this.#head = { position: position + total, number: number + 1 };
      yield [record, bytes];
    }
  }

  /** Says whose records come from now on, and that there are none. Settles when that is on stable storage. */
  async begin(disk: string, epoch: number): Promise<void> {
    // What is left behind the head must not look like its next records.
    this.#head = { position: this.#head.position, number: this.#head.number + 1_000_000 };
    await this.#saveSuper({ ...this.#super, disk, epoch, tail: this.#head.position, number: this.#head.number });
  }

  /**
   * Appends a record. Settles when the device has it; `flush` makes it stable. Waits while the ring is full.
   *
   * @param bytes of a write; lent until this settles
   * @param placed called when the record has got its place, before anything else can happen
   */
  async append(
    change: Pick<JournalRecord, 'kind' | 'offset' | 'length'>,
    bytes: Uint8Array,
    options: Abortable,
    placed: () => void,
  ): Promise<void> {
    const total = this.#lengthOf(bytes.length);
    while (this.usedBytes + total > this.#ringBytes) {
      if (this.#isFailed !== undefined) throw this.#isFailed.error;
      await untilAborted(new Promise<void>((resolve) => this.#waiters.push(resolve)), options.signal);
    }
    options.signal?.throwIfAborted();
    const { position, number } = this.#head;
    this.#head = { position: position + total, number: number + 1 };
    placed();
    const whole = new Uint8Array(total);
    whole.set(bytes, recordHeadBytes);
    encodeRecordHead({ ...change, number, sum: xxhash32(bytes, number) }, whole);
    await this.#write(position, whole);
  }

  /** Settles when all records whose `append` has settled are on stable storage. */
  async flush(): Promise<void> {
    await this.#device.flush();
  }

  /** Records before the mark are not needed any more. */
  async release({ position, number }: JournalMark): Promise<void> {
    if (position > this.#free.position) await this.#saveSuper({ ...this.#super, tail: position, number });
    this.#isFailed = undefined;
    this.#wake();
  }

  /** Room cannot be made: who waits for it is told, until a release succeeds. */
  fail(error: unknown): void {
    this.#isFailed = { error };
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiters.splice(0)) resolve();
  }

  async #saveSuper(next: Superblock): Promise<void> {
    const sequence = this.#super.sequence + 1;
    this.#super = { ...next, sequence };
    await this.#device.write((sequence % 2) * superblockBytes, encodeSuperblock(this.#super));
    await this.#device.flush();
    this.#free = { position: next.tail, number: next.number };
  }

  #lengthOf(byteCount: number): number {
    return Math.ceil((recordHeadBytes + byteCount) / this.#align) * this.#align;
  }

  async #read(position: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (const [offset, from, to] of this.#pieces(position, length)) {
      await this.#device.read(offset, bytes.subarray(from, to));
    }
    return bytes;
  }

  async #write(position: number, bytes: Uint8Array): Promise<void> {
    for (const [offset, from, to] of this.#pieces(position, bytes.length)) {
      await this.#device.write(offset, bytes.subarray(from, to));
    }
  }

  /** The ring ends, and goes on at its start; and a device takes only so much in one request. */
  *#pieces(position: number, length: number): Generator<readonly [offset: number, from: number, to: number]> {
    const longest = this.#device.geometry.maximumBlockSize - (this.#device.geometry.maximumBlockSize % this.#align);
    for (let from = 0; from < length; ) {
      const place = (position + from) % this.#ringBytes;
      const to = Math.min(length, from + longest, from + this.#ringBytes - place);
      yield [ringStart + place, from, to];
      from = to;
    }
  }
}
