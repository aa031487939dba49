/** Punches holes in a file, or zeroes ranges of it, by a call of the filesystem. */
import { capabilities, punchHoleAside, zeroRangeAside } from '@nbdjs/syscalls';
import { keepBusy } from './busy-filesystems.ts';
import { PieceLength } from './piece-length.ts';

type RangeCall = (fd: number, offset: bigint, length: bigint) => Promise<number>;

/** Errors of a call that the file or its filesystem does not support: it is not tried again. All others are about one request. */
const inabilities = ['EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'ENODEV'];
/** Errors that concern one range only; it can be zeroed in another way. */
const refusals = ['EINVAL', 'EBUSY'];

export class FileRanges {
  readonly #fd: number;
  readonly #filesystem: number;
  readonly #sectorBytes: bigint;
  readonly #requireGoing: () => void;
  #canPunch = capabilities().allocate;
  #canZero = capabilities().allocate;
  /** One call at a time: the kernel has one lock for each file, and the threads of libuv's pool are few. */
  #last: Promise<unknown> = Promise.resolve();
  #workCount = 0;

  /**
   * @param sectorBytes what ranges have to consist of: 1 for files.
   * @param requireGoing throws when the device has been ended.
   */
  constructor(fd: number, filesystem: number, sectorBytes: number, requireGoing: () => void) {
    this.#fd = fd;
    this.#filesystem = filesystem;
    this.#sectorBytes = BigInt(sectorBytes);
    this.#requireGoing = requireGoing;
  }

  get canPunch(): boolean {
    return this.#canPunch;
  }

  /** Whether a call is under way: the file's lock is held then. */
  get isBusy(): boolean {
    return this.#workCount > 0;
  }

  /** The part of a range that consists of whole sectors; it is empty where `from` is not below `to`. */
  whole(start: bigint, end: bigint): readonly [from: bigint, to: bigint] {
    const sector = this.#sectorBytes;
    return [start + ((sector - (start % sector)) % sector), end - (end % sector)];
  }

  /** Gives whole sectors back; they read as zeroes. `false` when that cannot be done. */
  async punch(from: bigint, to: bigint, signal: AbortSignal | undefined): Promise<boolean> {
    if (!this.#canPunch) return false;
    const outcome = await this.#inPieces(punchHoleAside, from, to, signal);
    if (outcome === 'unable') this.#canPunch = false;
    return outcome === 'done';
  }

  /** Zeroes whole sectors and keeps them allocated. `false` when that cannot be done. */
  async zero(from: bigint, to: bigint, signal: AbortSignal | undefined): Promise<boolean> {
    if (!this.#canZero) return false;
    const outcome = await this.#inPieces(zeroRangeAside, from, to, signal);
    if (outcome === 'unable') this.#canZero = false;
    return outcome === 'done';
  }

  async #inPieces(
    call: RangeCall,
    from: bigint,
    to: bigint,
    signal: AbortSignal | undefined,
  ): Promise<'done' | 'refused' | 'unable'> {
    const piece = new PieceLength();
    this.#workCount++;
    try {
      for (let position = from; position < to; ) {
        const start = position;
        const end = piece.endOf(start, to);
        const ms = await this.#inTurn(() => {
          signal?.throwIfAborted();
          this.#requireGoing();
          return keepBusy(this.#filesystem, () => call(this.#fd, start, end - start));
        });
        piece.took(ms);
        position = end;
      }
      return 'done';
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (inabilities.includes(code)) return 'unable';
      if (refusals.includes(code)) return 'refused';
      throw error;
    } finally {
      this.#workCount--;
    }
  }

  #inTurn(work: () => Promise<number>): Promise<number> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => {});
    return mine;
  }
}
