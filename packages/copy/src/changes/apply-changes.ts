/** Puts changes onto a copy of the disk. */
import { type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { checkDevice } from '@nbdjs/kit';
import { type CopySettings, resolveOptions } from '../options.ts';
import type { CopyReport } from '../report.ts';
import { TargetWriter } from '../target-writer.ts';
import { visitChanges } from './bounded-work.ts';
import { type ApplyChangesOptions, applyChangesOptions } from './changes-options.ts';
import type { ChangesEntry, ChangesStart } from './entry.ts';
import { requireSize } from './require-size.ts';

/**
 * Writes changes to a device that holds the backup before.
 *
 * Each change is applied as soon as it has come and passed its checksum. Only the end shows whether all have come: when this throws, the target
 * is a mixture of two moments until all changes are applied once more. What can be read twice should be checked before, by `checkChanges`.
 *
 * @param entries Those of `readChanges`.
 * @param before Called with the start before anything is written, for checks that may throw.
 * @returns what was done; `totalBytes` is what the changes are about.
 * @throws UsageError when the target has another size or is read-only; errors of the entries or the target, or the signal's reason.
 */
export async function applyChanges(
  entries: AsyncIterable<ChangesEntry>,
  target: BlockDevice,
  options: ApplyChangesOptions = {},
  before: (start: ChangesStart) => void | Promise<void> = () => {},
): Promise<CopyReport> {
  checkDevice('applyChanges', 'the target', target);
  const settings = resolveOptions(applyChangesOptions.resolve('applyChanges', options), [target]);
  if (target.abilities.readOnly) throw new UsageError('ERR_NBD_READ_ONLY', 'the target is read-only');
  const work = new ChangesApplication(target, settings);
  const visitor = {
    start: async (start: ChangesStart) => {
      requireSize(start, target);
      await before(start);
    },
    data: (offset: bigint, bytes: Uint8Array) => work.data(offset, bytes),
    zeroes: (offset: bigint, length: bigint) => work.zeroes(offset, length),
  };
  const bytesMax = settings.requests * settings.requestSize;
  await visitChanges(entries, visitor, { bytesMax, signal: settings.signal });
  if (settings.flush && target.abilities.flush) await target.flush({ signal: settings.signal });
  return work.report();
}

class ChangesApplication {
  readonly #settings: CopySettings;
  readonly #writer: TargetWriter;
  #dataBytes = 0n;
  #doneBytes = 0n;

  constructor(target: BlockDevice, settings: CopySettings) {
    this.#settings = settings;
    this.#writer = new TargetWriter(target, settings, { bytes: undefined });
  }

  async data(offset: bigint, bytes: Uint8Array): Promise<void> {
    const { requestSize } = this.#settings;
    const pieces: Promise<void>[] = [];
    for (let start = 0; start < bytes.length; start += requestSize) {
      const piece = bytes.subarray(start, start + requestSize);
      pieces.push(Promise.resolve(this.#writer.store(offset + BigInt(start), piece)));
    }
    // All are waited for, even if one fails: their memory is in use.
    for (const { status, ...rest } of await Promise.allSettled(pieces)) {
      if (status === 'rejected') throw (rest as PromiseRejectedResult).reason;
    }
    this.#dataBytes += BigInt(bytes.length);
    this.#done(BigInt(bytes.length));
  }

  async zeroes(offset: bigint, length: bigint): Promise<void> {
    await this.#writer.zero(offset, length);
    this.#done(length);
  }

  report(): CopyReport {
    return { totalBytes: this.#doneBytes, readBytes: this.#dataBytes, ...this.#writer.tally };
  }

  #done(length: bigint): void {
    this.#doneBytes += length;
    this.#settings.onProgress?.({ doneBytes: this.#doneBytes });
  }
}
