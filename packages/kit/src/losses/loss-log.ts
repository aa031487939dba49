/**
 * The losses of a device: what it had acknowledged and may have lost.
 *
 * A flush that fails reports to one caller only. Behind one device there may be several: clients of a server, layers, parts of one program.
 * Every loss has to be reported to each of them, or its next flush would report success wrongly. So a device counts its losses, and each
 * holder keeps how many were reported to it.
 */
import { CommandError, type Losses, type LostRange, NbdError, WritesLostError } from '@nbdjs/interfaces';
import { copyError } from '../errors/copy-error.ts';
import { addRanges, rangesOf } from '../ranges/byte-ranges.ts';
import { IntervalSet } from '../ranges/interval-set.ts';

/** How many losses are kept one by one; older ones are merged. */
const lossesMax = 32;
/** Ranges in one report; above that, the nearest ones are joined. */
const rangesMax = 64;
/** Ranges that a message names. */
const rangesNamedMax = 4;

/** Collects the losses of one device. */
export class LossLog implements Losses {
  #losses: { count: number; error: Error }[] = [];
  #count = 0;
  #toldCount = 0;

  /** How many losses there have been. */
  get count(): number {
    return this.#count;
  }

  get toldCount(): number {
    return this.#toldCount;
  }

  /** Adds a loss: a `WritesLostError` with its ranges, or the error that a flush failed with. */
  add(error: Error): void {
    this.#count++;
    this.#losses.push({ count: this.#count, error });
    const [first, second] = this.#losses;
    if (this.#losses.length <= lossesMax || first === undefined || second === undefined) return;
    this.#losses.splice(0, 2, { count: second.count, error: joined([first.error, second.error]) });
  }

  since(count: number): Error {
    return joined(this.#losses.filter((loss) => loss.count > count).map(({ error }) => error));
  }

  told(): void {
    this.#toldCount = this.#count;
  }
}

/** Returns whether a flush that failed with `error` may mean a loss for all users of the device. */
export function isLoss(error: unknown): error is Error {
  if (error instanceof WritesLostError) return true;
  // The other errors mean that nothing was done, or that the outcome is unknown; then the next flush will show it.
  return error instanceof CommandError && isStorageFailure(error.code);
}

/** The same for a device that does not throw the error classes of nbdjs. */
export function isForeignLoss(error: unknown): error is Error {
  if (!(error instanceof Error) || error instanceof NbdError) return false;
  return error.name !== 'AbortError' && isStorageFailure('code' in error ? error.code : 'EIO');
}

function isStorageFailure(code: unknown): boolean {
  return code === 'EIO' || code === 'ENOSPC' || code === 'EDQUOT';
}

/** The error for acknowledged writes that may be lost; `ranges` ascend. */
export function writesLostError(ranges: readonly LostRange[], cause?: unknown): WritesLostError {
  const named = ranges.slice(0, rangesNamedMax).map(({ offset, length }) => `${length} bytes at ${offset}`);
  const others = ranges.length > rangesNamedMax ? ` and ${ranges.length - rangesNamedMax} more ranges` : '';
  const message = `the server was lost before writes were flushed, and they could not be replayed: ${named.join(', ')}${others} may be lost`;
  return new WritesLostError(ranges, message, { cause });
}

/** Several losses as one error. Lost writes come first, because they name the ranges. */
function joined(errors: readonly Error[]): Error {
  const last = errors.at(-1) ?? new CommandError('EIO', 'writes may be lost');
  const lost = errors.filter((error) => error instanceof WritesLostError);
  if (lost.length === 0 || errors.length === 1) return copyError(last);
  return writesLostError(joinedRanges(lost.flatMap(({ ranges }) => ranges)), lost.at(-1)?.cause);
}

/** Ascending, disjoint, and at most `rangesMax`. */
function joinedRanges(ranges: readonly LostRange[]): readonly LostRange[] {
  const set = new IntervalSet<bigint>(rangesMax);
  addRanges(set, ranges);
  return rangesOf(set);
}
