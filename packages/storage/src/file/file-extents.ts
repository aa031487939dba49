/** Where a file has data and where it has holes, as its filesystem reports. */
import { AllocationStatus, type Clock, type Extent } from '@nbdjs/interfaces';
import { capabilities, seekData, seekDataAside, seekHole, seekHoleAside } from '@nbdjs/syscalls';

/** A search (`lseek`) that takes less counts as quick. In milliseconds. */
const quickMs = 1;
/**
 * How long the event loop may search by itself, one quick search after the other, after a search by a thread was quick. Then a thread
 * has to search again, and meanwhile other work of the event loop runs. In milliseconds.
 */
const budgetMs = 4;
/** How long the result of a thread's search is used. In milliseconds. */
const knownMs = 100;
/** An answer that takes longer is cut: it has the extents that were found until then. In milliseconds. */
const answerMs = 50;

const hole = BigInt(AllocationStatus.Hole | AllocationStatus.Zero);
/** EINVAL: the filesystem does not know these ways of seeking. */
const inabilities = ['EINVAL', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'ENODEV'];

export class FileExtents {
  readonly #fd: number;
  readonly #clock: Clock;
  readonly #isLocked: () => boolean;
  #canSeek = capabilities().seekData;
  #budgetMs = 0;
  #knownUntil = Number.NEGATIVE_INFINITY;

  /** @param isLocked whether another call holds the lock of the file, so that a search would wait for it. */
  constructor(fd: number, clock: Clock, isLocked: () => boolean) {
    this.#fd = fd;
    this.#clock = clock;
    this.#isLocked = isLocked;
  }

  /**
   * Consecutive extents from `start` on, at least one and at most `count`. Without a way to ask, everything counts as data.
   *
   * @throws a system error.
   */
  async list(start: bigint, end: bigint, count: number): Promise<Extent[]> {
    const found = new Found(start, end, count);
    const untilMs = this.#clock.now() + answerMs;
    try {
      while (this.#canSeek && !found.isComplete) {
        this.#look(found);
        if (found.isComplete || (found.extents.length > 0 && this.#clock.now() > untilMs)) break;
        await this.#lookAside(found);
      }
    } catch (error) {
      if (!inabilities.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      this.#canSeek = false;
    }
    if (found.extents.length === 0) found.add(end, 0n);
    return found.extents;
  }

  /** Finds the next data by a thread, and measures how long that takes. */
  async #lookAside(found: Found): Promise<void> {
    const { position, ms } = await seekDataAside(this.#fd, found.position);
    found.add(position ?? found.end, hole);
    this.#budgetMs = ms < quickMs ? budgetMs : 0;
    this.#knownUntil = this.#clock.now() + knownMs;
    if (found.isComplete || this.#budgetMs > 0) return;
    found.add((await seekHoleAside(this.#fd, found.position)).position ?? found.end, 0n);
  }

  /** Finds what there is on the event loop, as long as that is quick. */
  #look(found: Found): void {
    let lastMs = this.#clock.now();
    if (lastMs > this.#knownUntil || this.#isLocked()) return;
    while (!found.isComplete && this.#budgetMs > 0) {
      found.add(seekData(this.#fd, found.position) ?? found.end, hole);
      if (!found.isComplete) found.add(seekHole(this.#fd, found.position) ?? found.end, 0n);
      const nowMs = this.#clock.now();
      this.#budgetMs = nowMs - lastMs > quickMs ? 0 : this.#budgetMs - (nowMs - lastMs);
      lastMs = nowMs;
    }
  }
}

/** The extents of an answer so far. */
class Found {
  readonly extents: Extent[] = [];
  readonly end: bigint;
  position: bigint;
  readonly #count: number;

  constructor(start: bigint, end: bigint, count: number) {
    this.position = start;
    this.end = end;
    this.#count = count;
  }

  get isComplete(): boolean {
    return this.position >= this.end || this.extents.length >= this.#count;
  }

  add(until: bigint, status: bigint): void {
    const to = until < this.end ? until : this.end;
    if (to <= this.position) return;
    this.extents.push({ offset: this.position, length: to - this.position, status });
    this.position = to;
  }
}
