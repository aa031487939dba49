/** What all images that are open for reading have in common: the checks, the refusal of changes, the end. */
import {
  type Abilities,
  type Abortable,
  type BlockDevice,
  type BlockStatusOptions,
  type Extent,
  type Geometry,
  type MetaContextExtents,
  type Offset,
  type ReadOptions,
  UsageError,
} from '@nbdjs/interfaces';
import { checkInside, Lifetime, requireGoing, settleAll } from '@nbdjs/kit';
import type { ImageDevice, ImageFacts } from '../image-facts.ts';

/** What such a device is made of. */
export interface ReadOnlyImageParts {
  /** What the image says about itself; its `virtualBytes` are the size. */
  readonly image: ImageFacts;
  /** The metadata contexts that it reports. */
  readonly contexts: readonly string[];
  /** In bytes: reads that are aligned to it are the fastest. */
  readonly preferredBytes: number;
  /** Closed together with the device, in this order. */
  readonly owned: readonly BlockDevice[];
}

/** The longest read in one piece, in bytes. */
const maximumBytes = 32 * 2 ** 20;

export abstract class ReadOnlyImage implements ImageDevice {
  readonly abilities: Abilities;
  readonly geometry: Geometry;
  readonly image: ImageFacts;
  readonly #owned: readonly BlockDevice[];
  readonly #sizeNumber: number;
  readonly #life = new Lifetime();
  #inFlight = 0;
  #onIdle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor({ image, contexts, preferredBytes, owned }: ReadOnlyImageParts) {
    this.image = image;
    this.#owned = owned;
    this.#sizeNumber = Number(image.virtualBytes);
    this.abilities = {
      readOnly: true,
      flush: false,
      fua: false,
      trim: false,
      writeZeroes: false,
      fastZero: false,
      cache: false,
      multiConn: true,
      rotational: false,
      contexts,
    };
    this.geometry = {
      size: image.virtualBytes,
      minimumBlockSize: 1,
      preferredBlockSize: Math.min(maximumBytes, Math.max(4096, 2 ** Math.floor(Math.log2(preferredBytes)))),
      maximumBlockSize: maximumBytes,
    };
  }

  abstract read(offset: Offset, target: Uint8Array, options?: ReadOptions): void | Promise<void>;

  /** The extents of one context in a range that was checked. */
  protected abstract extentsOf(
    context: string,
    start: number,
    length: number,
    options: BlockStatusOptions,
  ): Promise<readonly Extent[]>;

  write(offset: Offset, source: Uint8Array, options?: Abortable): void {
    this.#refuseChange(offset, source.length, options);
  }

  flush(options?: Abortable): void {
    this.#life.requireOpen();
    requireGoing(options);
  }

  trim(offset: Offset, length: Offset, options?: Abortable): void {
    this.#refuseChange(offset, length, options);
  }

  writeZeroes(offset: Offset, length: Offset, options?: Abortable): void {
    this.#refuseChange(offset, length, options);
  }

  cache(offset: Offset, length: Offset, options?: Abortable): void {
    this.enter(offset, length, options);
  }

  async blockStatus(
    offset: Offset,
    length: Offset,
    options: BlockStatusOptions = {},
  ): Promise<readonly MetaContextExtents[]> {
    const start = this.enter(offset, length, options);
    const bytes = Number(length);
    if (bytes === 0) throw new UsageError('ERR_NBD_EMPTY', 'block status of no bytes');
    const wanted = this.abilities.contexts.filter((one) => options.contexts?.includes(one) !== false);
    return this.during(async () => {
      const answer: MetaContextExtents[] = [];
      for (const context of wanted) {
        answer.push({ context, extents: await this.extentsOf(context, start, bytes, options) });
      }
      return answer;
    });
  }

  /** Closes what the image consists of, too, when no request is under way any more. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Checks a call, and returns where it begins. */
  protected enter(offset: Offset, length: Offset, options: Abortable | undefined): number {
    this.#life.requireOpen();
    requireGoing(options);
    checkInside(this.geometry.size, this.#sizeNumber, offset, length);
    return Number(offset);
  }

  /** Work that `close` waits for. */
  protected async during<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#inFlight++;
    try {
      return await work();
    } finally {
      this.#inFlight--;
      if (this.#inFlight === 0) this.#onIdle?.();
    }
  }

  async #close(): Promise<void> {
    this.#life.end();
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await settleAll(this.#owned.map((device) => device.close()));
  }

  #refuseChange(offset: Offset, length: Offset, options: Abortable | undefined): void {
    this.enter(offset, length, options);
    throw new UsageError('ERR_NBD_READ_ONLY', 'the image is open for reading only');
  }
}
