/**
 * What a device has lost of what it had acknowledged, and who has been told.
 *
 * A flush that fails once tells one caller. Behind one device there may be several: clients of a server, layers, parts of one
 * program. Each of them has to hear of every loss by himself, or his next flush would tell him that all is well. So a device
 * counts its losses, and each holder remembers how many he knows of.
 */
import { fromErrorRecord, toErrorRecord } from './error-record.ts';
import { CommandError, type LostRange, NbdError, WritesLostError } from './errors.ts';

/** Losses of one device, counted from 1 on. */
export interface Losses {
  readonly count: number;
  /** Up to here somebody has been told. Whoever begins to use the device now has to hear of what lies behind it. */
  readonly toldCount: number;
  /** What to tell somebody who knows of the first `count`, as an error of his own. There has to be more than that. */
  since(count: number): Error;
  /** Somebody has been told of everything up to here. */
  told(): void;
}

/** Losses that are kept apart; of older ones, one speaks for several. */
const lossesMax = 32;
/** Ranges in one report; those that are nearest to each other are joined. */
const rangesMax = 64;
/** So many ranges a message names. */
const rangesNamedMax = 4;

export class LossLog implements Losses {
  #losses: { count: number; error: Error }[] = [];
  #count = 0;
  #toldCount = 0;

  get count(): number {
    return this.#count;
  }

  get toldCount(): number {
    return this.#toldCount;
  }

  /** Something that was acknowledged may be gone: a `WritesLostError` with its ranges, or what a flush has failed with. */
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

/** Whether what a flush has failed with means that something may be lost, for whoever shares the device. */
export function isLoss(error: unknown): error is Error {
  if (error instanceof WritesLostError) return true;
  // The others tell that nothing was done, or that the outcome is unknown; the next flush will show.
  return error instanceof CommandError && isStorageFailure(error.code);
}

/** The same of a device that knows none of our errors. */
export function isForeignLoss(error: unknown): error is Error {
  if (!(error instanceof Error) || error instanceof NbdError) return false;
  return error.name !== 'AbortError' && isStorageFailure('code' in error ? error.code : 'EIO');
}

function isStorageFailure(code: unknown): boolean {
  return code === 'EIO' || code === 'ENOSPC' || code === 'EDQUOT';
}

/** Writes that were acknowledged may be gone. `ranges` ascend. */
export function writesLostError(ranges: readonly LostRange[], cause?: unknown): WritesLostError {
  const named = ranges.slice(0, rangesNamedMax).map(({ offset, length }) => `${length} bytes at ${offset}`);
  const others = ranges.length > rangesNamedMax ? ` and ${ranges.length - rangesNamedMax} more ranges` : '';
  const message = `the server was lost before writes were flushed, and they could not be replayed: ${named.join(', ')}${others} may be lost`;
  return new WritesLostError(ranges, message, { cause });
}

/** Several losses as one error: of lost writes if there are any, because that says which. */
function joined(errors: readonly Error[]): Error {
  const last = errors.at(-1) ?? new CommandError('EIO', 'writes may be lost');
  const lost = errors.filter((error) => error instanceof WritesLostError);
  if (lost.length === 0 || errors.length === 1) return fromErrorRecord(toErrorRecord(last));
  return writesLostError(joinedRanges(lost.flatMap(({ ranges }) => ranges)), lost.at(-1)?.cause);
}

/** Ascending and apart from each other, and not too many. */
function joinedRanges(ranges: readonly LostRange[]): readonly LostRange[] {
  const sorted = [...ranges].sort((one, other) => (one.offset < other.offset ? -1 : 1));
  const apart: { offset: bigint; length: bigint }[] = [];
  for (const { offset, length } of sorted) {
    const last = apart.at(-1);
    if (last === undefined || offset > last.offset + last.length) apart.push({ offset, length });
    else if (offset + length > last.offset + last.length) last.length = offset + length - last.offset;
  }
  while (apart.length > rangesMax) joinNearest(apart);
  return apart;
}

function joinNearest(ranges: { offset: bigint; length: bigint }[]): void {
  const gapBehind = (index: number): bigint => {
    const [one, next] = [ranges[index], ranges[index + 1]];
    return one === undefined || next === undefined ? 0n : next.offset - one.offset - one.length;
  };
  let nearest = 0;
  for (let index = 1; index + 1 < ranges.length; index++) if (gapBehind(index) < gapBehind(nearest)) nearest = index;
  const [one, next] = [ranges[nearest], ranges[nearest + 1]];
  if (one === undefined || next === undefined) return;
  one.length = next.offset + next.length - one.offset;
  ranges.splice(nearest + 1, 1);
}
