/** What all images have in common when they are open: the checks of calls, their metadata contexts, the end. */
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
  type WriteOptions,
  type WriteZeroesOptions,
} from '@nbdjs/interfaces';
import { checkInside, Lifetime, requireGoing, settleAll } from '@nbdjs/kit';
import type { ImageDevice, ImageFacts } from '../image-facts.ts';

/** What such a device is made of. */
export interface ImageBaseParts {
  /** What the image says about itself; its `virtualBytes` are the size. */
  readonly image: ImageFacts;
  /** What the device can do; its contexts are those of `extentsOf`. */
  readonly abilities: Abilities;
  /** Ranges have to be multiples of this many bytes. @default 1 */
  readonly minimumBytes?: number;
  /** In bytes: reads that are aligned to it are the fastest. */
  readonly preferredBytes: number;
  /** Closed together with the device, in this order. */
  readonly owned: readonly BlockDevice[];
}

/** The longest read or write in one piece, in bytes. */
const maximumBytes = 32 * 2 ** 20;

/** An image as a device; a subclass reads, and changes or refuses to. */
export abstract class ImageBase implements ImageDevice {
  readonly abilities: Abilities;
  readonly #owned: readonly BlockDevice[];
  readonly #life = new Lifetime();
  #image: ImageFacts;
  #geometry: Geometry;
  #sizeNumber: number;
  #inFlight = 0;
  #onIdle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor({ image, abilities, minimumBytes = 1, preferredBytes, owned }: ImageBaseParts) {
    this.#image = image;
    this.#owned = owned;
    this.#sizeNumber = Number(image.virtualBytes);
    this.abilities = abilities;
    this.#geometry = {
      size: image.virtualBytes,
      minimumBlockSize: minimumBytes,
      preferredBlockSize: Math.min(maximumBytes, Math.max(4096, 2 ** Math.floor(Math.log2(preferredBytes)))),
      maximumBlockSize: maximumBytes,
    };
  }

  get image(): ImageFacts {
    return this.#image;
  }

  get geometry(): Geometry {
    return this.#geometry;
  }

  abstract read(offset: Offset, target: Uint8Array, options?: ReadOptions): void | Promise<void>;
  abstract write(offset: Offset, source: Uint8Array, options?: WriteOptions): void | Promise<void>;
  abstract flush(options?: Abortable): void | Promise<void>;
  abstract trim(offset: Offset, length: Offset, options?: WriteOptions): void | Promise<void>;
  abstract writeZeroes(offset: Offset, length: Offset, options?: WriteZeroesOptions): void | Promise<void>;

  /** The extents of one context in a range that was checked. */
  protected abstract extentsOf(
    context: string,
    start: number,
    length: number,
    options: BlockStatusOptions,
  ): Promise<readonly Extent[]>;

  /** What has to be done when no request is under way any more, before what the image consists of is closed. */
  protected finish(): void | Promise<void> {}

  cache(offset: Offset, length: Offset, options?: Abortable): void | Promise<void> {
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
    this.requireUsable(options);
    checkInside(this.#geometry.size, this.#sizeNumber, offset, length);
    return Number(offset);
  }

  /** Checks a call that has no range. */
  protected requireUsable(options: Abortable | undefined): void {
    this.#life.requireOpen();
    requireGoing(options);
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

  /** The disk has another size now. */
  protected resized(virtualBytes: bigint): void {
    this.#image = { ...this.#image, virtualBytes };
    this.#geometry = { ...this.#geometry, size: virtualBytes };
    this.#sizeNumber = Number(virtualBytes);
  }

  async #close(): Promise<void> {
    this.#life.end();
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    const finishing = (async () => this.finish())();
    const closed = finishing.then(
      () => this.#closeOwned(),
      () => this.#closeOwned(),
    );
    // What could not be finished is the caller's first concern.
    await settleAll([finishing, closed]);
  }

  async #closeOwned(): Promise<void> {
    await settleAll(this.#owned.map((device) => device.close()));
  }
}
