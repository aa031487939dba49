/** Where a file has data and where holes, as its filesystem tells. */
import { AllocationStatus, type Clock, type Extent } from '@nbdjs/interfaces';
import { capabilities, seekData, seekDataAside, seekHole, seekHoleAside } from '@nbdjs/syscalls';
import { Promptness } from './promptness.ts';

/** For so long, the event loop looks by itself when a look has turned out to be quick; then a thread has to try again. In milliseconds. */
const streakMs = 2;
/** What a thread needs for a quick look, in milliseconds. */
const quickMs = 1;
/** An answer that takes longer is given as far as it has come. In milliseconds. */
const answerMs = 50;

export class FileExtents {
  readonly #fd: number;
  readonly #clock: Clock;
  readonly #isLocked: () => boolean;
  readonly #promptness: Promptness;
  #canSeek = capabilities().seekData;
  /** Until when the event loop may look by itself. */
  #streakUntil = Number.NEGATIVE_INFINITY;

  /** @param isLocked whether somebody is at work on the file, whom a look would have to wait for. */
  constructor(fd: number, clock: Clock, isLocked: () => boolean) {
    this.#fd = fd;
    this.#clock = clock;
    this.#isLocked = isLocked;
    this.#promptness = new Promptness(clock);
  }

  /**
   * Consecutive extents from `start` on, at least one and at most `count`. Without a way to ask, everything counts as data.
   *
   * @throws a system error.
   */
  async list(start: bigint, end: bigint, count: number): Promise<Extent[]> {
    const hole = BigInt(AllocationStatus.Hole | AllocationStatus.Zero);
    const extents: Extent[] = [];
    const until = this.#clock.now() + answerMs;
    let position = start;
    const add = (to: bigint, status: bigint): void => {
      const next = to < end ? to : end;
      if (next > position) extents.push({ offset: position, length: next - position, status });
      position = next > position ? next : position;
    };
    try {
      while (this.#canSeek && position < end && extents.length < count) {
        if (extents.length > 0 && this.#clock.now() > until) break;
        add((await this.#seek('data', position)) ?? end, hole);
        if (position < end && extents.length < count) add((await this.#seek('hole', position)) ?? end, 0n);
      }
    } catch (error) {
      // EINVAL: the filesystem does not know these ways of seeking.
      if (
        !['EINVAL', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')
      )
        throw error;
      this.#canSeek = false;
    }
    if (extents.length === 0) add(end, 0n);
    return extents;
  }

  #seek(what: 'data' | 'hole', position: bigint): bigint | undefined | Promise<bigint | undefined> {
    if (!this.#isLocked() && this.#clock.now() < this.#streakUntil && this.#promptness.isQuick) {
      return this.#promptness.run(() => (what === 'data' ? seekData : seekHole)(this.#fd, position));
    }
    return this.#seekAside(what, position);
  }

  async #seekAside(what: 'data' | 'hole', position: bigint): Promise<bigint | undefined> {
    const sought = await (what === 'data' ? seekDataAside : seekHoleAside)(this.#fd, position);
    this.#streakUntil = sought.ms < quickMs ? this.#clock.now() + streakMs : Number.NEGATIVE_INFINITY;
    return sought.position;
  }
}
