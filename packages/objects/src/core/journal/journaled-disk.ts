/**
 * A write-back cache on a local device: every write goes into a journal there, and to the disk in the store. A flush may then return when the
 * journal has it; the store follows. After a crash, what the store lacks is taken from the journal.
 *
 * The journal is of use only as long as nobody else has written to the disk. Each writer's epoch shows that; the journal of a gateway that
 * was taken over is not replayed over what the other one has written.
 */
import {
  type Abilities,
  type Abortable,
  type BlockDevice,
  type BlockStatusOptions,
  type Cancel,
  type Clock,
  type DeviceResizing,
  type Geometry,
  type MetaContextExtents,
  type Offset,
  type ReadOptions,
  UsageError,
  type WriteOptions,
  type WriteZeroesOptions,
} from '@nbdjs/interfaces';
import { defineOptions, Lifetime, type OptionsOf, option, requireGoing, requireInside } from '@nbdjs/kit';
import { deviceError } from '../disk/device-error.ts';
import type { ObjectDisk, ObjectDiskFigures } from '../disk/disk-interface.ts';
import { openStoreDisk } from '../disk/open-disk.ts';
import { type OpenDiskOptions, openDiskOptions } from '../disk/options.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { Journal } from './journal.ts';
import type { JournalRecord } from './journal-format.ts';

const { identity: _identity, readOnly: _readOnly, snapshot: _snapshot, ...forWriting } = openDiskOptions.definitions;

export const journaledDiskOptions = defineOptions({
  ...forWriting,
  /** Where the journal is: a device of 1 MiB or more that nothing else uses, and that only one process has open. It is closed with the disk. */
  journal: option.object<BlockDevice>({
    required: true,
    doc: 'Where the journal is: a device of 1 MiB or more that nothing else uses, and that only one process has open. It is closed with the disk.',
  }),
  /** When a flush returns: when the `store` has everything, or when the `journal` has it. @default store */
  flush: option.oneOf(['store', 'journal'], {
    default: 'store',
    doc: 'When a flush returns: when the `store` has everything, or when the `journal` has it.',
  }),
  /** The store follows the journal at least this often, in milliseconds. @default 5000 */
  followMs: option.milliseconds({ default: 5000, doc: 'The store follows the journal at least this often.' }),
  /** Throws away records that cannot be replayed, because somebody else has written to the disk since. @default false: it is not opened */
  discardStale: option.boolean({
    default: false,
    doc: 'Throws away records that cannot be replayed, because somebody else has written to the disk since. Without it, the disk is not opened then.',
  }),
});

/** How a disk with a journal is opened. */
export interface JournaledDiskOptions extends OptionsOf<typeof journaledDiskOptions> {}

/** The store follows when the ring is this full, too. */
const fullPart = 0.5;

const noBytes = new Uint8Array(0);

/**
 * Opens a disk for writing, with a journal, and replays what the journal has and the store lacks.
 *
 * With `flush: 'journal'`, what was flushed survives everything but the loss of the journal's device; and another gateway that takes the
 * disk over finds it as the store has it.
 *
 * @throws UsageError `ERR_NBD_STATE` when the journal has records that cannot be replayed (see `discardStale`), and what `openDisk` throws.
 */
export async function openJournaledDisk(
  store: ObjectStore,
  name: string,
  options: JournaledDiskOptions,
): Promise<ObjectDisk> {
  const settings = journaledDiskOptions.resolve('openJournaledDisk', options);
  const { journal: device, discardStale, clock, followMs, flush } = settings;
  const journal = await Journal.open(device, settings.makeId);
  const given = openDiskOptions.pick(options) as OpenDiskOptions;
  const { disk, id, lineage } = await openStoreDisk(
    store,
    name,
    { ...given, identity: journal.id },
    // What the store gets, the journal has for sure: else an old journal could be replayed over newer bytes after a crash.
    () => journal.flush(),
  );
  try {
    // The writers since the journal's own were of this journal, too: nobody else has written.
    const isOurs = journal.disk === id && lineage !== undefined && lineage.since <= journal.epoch;
    let count = 0;
    for await (const [{ kind, offset, length }, bytes] of journal.records()) {
      count++;
      if (!isOurs) continue;
      await replay(disk, { kind, offset, length }, bytes);
    }
    if (count > 0 && !isOurs && !discardStale) throw stale(name, journal, count, disk.epoch);
    if (count > 0 && isOurs) await disk.flush();
    await journal.begin(id, disk.epoch);
  } catch (error) {
    await disk.close();
    throw error;
  }
  return new JournaledDisk(disk, journal, device, clock, followMs, flush === 'journal');
}

/** The disk may have become shorter since; what was written behind its end then is gone. */
async function replay(
  disk: ObjectDisk,
  { kind, offset, length }: Pick<JournalRecord, 'kind' | 'offset' | 'length'>,
  bytes: Uint8Array,
): Promise<void> {
  const inside = Math.min(length, Number(disk.geometry.size) - offset);
  if (inside <= 0) return;
  if (kind === 'write') await disk.write(offset, bytes.subarray(0, inside));
  else await disk.writeZeroes(offset, inside);
}

function stale(name: string, journal: Journal, count: number, epoch: number): UsageError {
  const message = `the journal has ${count} records of epoch ${journal.epoch} of disk ${journal.disk}, which disk '${name}' lacks and which cannot be replayed, because others have written to it (now epoch ${epoch})`;
  return new UsageError('ERR_NBD_STATE', message);
}

class JournaledDisk implements ObjectDisk {
  readonly name: string;
  readonly abilities: Abilities;
  readonly #disk: ObjectDisk;
  readonly #journal: Journal;
  readonly #device: BlockDevice;
  readonly #clock: Clock;
  readonly #followMs: number;
  readonly #returnsEarly: boolean;
  /** Changes that have a record, and are not finished. */
  readonly #placed = new Set<Promise<void>>();
  #following: Promise<void> | undefined;
  #cancel: Cancel = () => {};
  readonly #life: Lifetime;

  constructor(
    disk: ObjectDisk,
    journal: Journal,
    device: BlockDevice,
    clock: Clock,
    followMs: number,
    returnsEarly: boolean,
  ) {
    this.name = disk.name;
    this.#life = new Lifetime(`the disk '${disk.name}'`);
    this.abilities = disk.abilities;
    this.#disk = disk;
    this.#journal = journal;
    this.#device = device;
    this.#clock = clock;
    this.#followMs = followMs;
    this.#returnsEarly = returnsEarly;
    this.#schedule();
  }

  get geometry(): Geometry {
    return this.#disk.geometry;
  }

  readonly resizing: DeviceResizing = { resize: (size, options = {}) => this.#resize(size, options) };

  get epoch(): number {
    return this.#disk.epoch;
  }

  get figures(): ObjectDiskFigures {
    return this.#disk.figures;
  }

  read(offset: Offset, target: Uint8Array, options?: ReadOptions): void | Promise<void> {
    return this.#disk.read(offset, target, options);
  }

  async write(offset: Offset, source: Uint8Array, options: WriteOptions = {}): Promise<void> {
    const start = this.#enter(offset, source.length, options);
    await this.#call('WRITE', options, async () => {
      const longest = this.#journal.recordBytesMax;
      for (let from = 0; from < source.length; from += longest) {
        const part = source.subarray(from, from + longest);
        await this.#change({ kind: 'write', offset: start + from, length: part.length }, part, options, () =>
          this.#disk.write(start + from, part, { signal: options.signal }),
        );
      }
      if (options.fua === true) await this.#settle();
    });
  }

  async trim(offset: Offset, length: Offset, options: WriteOptions = {}): Promise<void> {
    await this.#zero('trim', offset, length, options);
  }

  async writeZeroes(offset: Offset, length: Offset, options: WriteZeroesOptions = {}): Promise<void> {
    await this.#zero('writeZeroes', offset, length, options);
  }

  async flush(options: Abortable = {}): Promise<void> {
    this.#enter(0, 0, options);
    await this.#call('FLUSH', options, () => this.#settle());
  }

  cache(offset: Offset, length: Offset, options?: Abortable): void | Promise<void> {
    return this.#disk.cache(offset, length, options);
  }

  blockStatus(
    offset: Offset,
    length: Offset,
    options?: BlockStatusOptions,
  ): readonly MetaContextExtents[] | Promise<readonly MetaContextExtents[]> {
    return this.#disk.blockStatus(offset, length, options);
  }

  async snapshot(name: string): Promise<void> {
    await this.#disk.snapshot(name);
  }

  async #resize(size: Offset, options: Abortable): Promise<void> {
    this.#enter(0, 0, options);
    await this.#call('RESIZE', options, async () => {
      // If what follows were not done in the end, they would be replayed after a later change of the size.
      await this.#follow();
      await this.#disk.resizing?.resize(size, options);
      // Records of what is not there any more must not be replayed over what comes there later.
      await this.#follow();
    });
  }

  async close(): Promise<void> {
    if (!this.#life.end()) return this.#disk.close();
    this.#cancel();
    // What the store does not take now stays in the journal.
    await this.#follow().catch(() => {});
    await this.#disk.close();
    await this.#device.close();
  }

  async #zero(command: 'trim' | 'writeZeroes', offset: Offset, length: Offset, options: WriteOptions): Promise<void> {
    const start = this.#enter(offset, length, options);
    const byteCount = Number(length);
    await this.#call('WRITE_ZEROES', options, async () => {
      if (byteCount > 0) {
        await this.#change({ kind: 'zero', offset: start, length: byteCount }, noBytes, options, () =>
          this.#disk[command](start, byteCount, { signal: options.signal }),
        );
      }
      if (options.fua === true) await this.#settle();
    });
  }

  /** The journal comes first: what a reader has seen is not lost by a crash that the journal survives. */
  async #change(
    change: { readonly kind: 'write' | 'zero'; readonly offset: number; readonly length: number },
    bytes: Uint8Array,
    options: Abortable,
    work: () => void | Promise<void>,
  ): Promise<void> {
    if (this.#journal.usedBytes > fullPart * this.#journal.ringBytes) this.#follow().catch(() => {});
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    try {
      await this.#journal.append(change, bytes, options, () => this.#placed.add(ended));
      await work();
    } finally {
      end();
      this.#placed.delete(ended);
    }
  }

  /** Waits until what was written is as safe as a flush promises. */
  async #settle(): Promise<void> {
    if (this.#returnsEarly) await this.#journal.flush();
    else await this.#disk.flush();
  }

  /** Brings the store to where the journal is now, and makes room in the journal. */
  #follow(): Promise<void> {
    this.#following ??= this.#followOnce().finally(() => {
      this.#following = undefined;
    });
    return this.#following;
  }

  async #followOnce(): Promise<void> {
    const { head } = this.#journal;
    try {
      // A record before the mark may belong to a change that has not reached the disk yet.
      await Promise.all(this.#placed);
      await this.#disk.flush();
      await this.#journal.release(head);
    } catch (error) {
      this.#journal.fail(error);
      throw error;
    }
  }

  #schedule(): void {
    this.#cancel = this.#clock.schedule(this.#followMs, () => {
      const work = this.#journal.usedBytes === 0 ? Promise.resolve() : this.#follow();
      const next = (): void => {
        if (!this.#life.isClosed) this.#schedule();
      };
      work.then(next, next);
    });
  }

  #enter(offset: Offset, length: Offset, options: Abortable): number {
    this.#life.requireOpen();
    requireGoing(options);
    return Number(requireInside(this.geometry.size, offset, length)[0]);
  }

  async #call(command: string, { signal }: Abortable, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (signal?.aborted === true && error === signal.reason) throw error;
      throw deviceError(command, this.name, error);
    }
  }
}
