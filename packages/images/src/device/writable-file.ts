/** A device that holds an image which is changed: written in any range, and made longer when the image needs it. */
import { CommandError } from '@nbdjs/interfaces';
import { settleAll } from '@nbdjs/kit';
import { ImageFile } from './image-file.ts';

/** The file is made longer in steps, at least this long, in bytes. */
const growthBytesMin = 2 ** 20;
/** And at most so long. */
const growthBytesMax = 64 * 2 ** 20;

export class WritableFile extends ImageFile {
  /** From here on to the end of the file nothing was ever written, and bytes are known to be zero. */
  #freshFrom = Number.POSITIVE_INFINITY;
  /** Set while the file is made longer. */
  #growing: Promise<void> | undefined;

  /** Writes whole blocks of the device, or any range where it has none. */
  write(offset: number, source: Uint8Array): void | Promise<void> {
    if (source.length <= this.pieceBytes) return this.device.write(offset, source);
    const work: (void | Promise<void>)[] = [];
    for (let at = 0; at < source.length; at += this.pieceBytes) {
      work.push(this.device.write(offset + at, source.subarray(at, at + this.pieceBytes)));
    }
    return settleAll(work);
  }

  flush(): void | Promise<void> {
    if (this.device.abilities.flush) return this.device.flush();
  }

  /** Whether all bytes from a place on are known to be zero: the file was made longer, and they were not given away yet. */
  isFresh(offset: number): boolean {
    return offset >= this.#freshFrom;
  }

  /** The bytes up to `end` are given away: they are not known to be zero any more. */
  use(end: number): void {
    if (this.#freshFrom < end) this.#freshFrom = end;
  }

  /**
   * Makes the file at least so long. What is added reads as zeroes.
   *
   * @throws CommandError `ENOSPC` when it cannot grow.
   */
  async require(end: number): Promise<void> {
    while (end > this.size) {
      this.#growing ??= this.#grow(end).finally(() => {
        this.#growing = undefined;
      });
      await this.#growing;
    }
  }

  /** Ends the file where the image ends: what was added in advance, and not given away, goes back. */
  async shorten(): Promise<void> {
    const { resizing } = this.device;
    if (resizing !== undefined && this.#freshFrom < this.size) await resizing.resize(this.#freshFrom);
  }

  async #grow(end: number): Promise<void> {
    const { resizing } = this.device;
    const old = this.size;
    if (resizing === undefined) {
      throw new CommandError('ENOSPC', `the image needs ${end} bytes, and the device below has ${old} and cannot grow`);
    }
    if (end > Number.MAX_SAFE_INTEGER) throw new CommandError('ENOSPC', `the image needs ${end} bytes`);
    const step = Math.min(growthBytesMax, Math.max(growthBytesMin, old / 16));
    const wanted = Math.ceil(Math.max(end, old + step) / growthBytesMin) * growthBytesMin;
    await resizing.resize(wanted);
    if (this.#freshFrom === Number.POSITIVE_INFINITY) this.#freshFrom = old;
  }
}
