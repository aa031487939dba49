/** What all images that are open for reading have in common: the refusal of changes. */
import { type Abortable, type Offset, UsageError } from '@nbdjs/interfaces';
import { ImageBase, type ImageBaseParts } from './image-base.ts';

/** What such a device is made of. */
export interface ReadOnlyImageParts extends Omit<ImageBaseParts, 'abilities'> {
  /** The metadata contexts that it reports. */
  readonly contexts: readonly string[];
}

export abstract class ReadOnlyImage extends ImageBase {
  constructor({ contexts, ...parts }: ReadOnlyImageParts) {
    const no = { flush: false, fua: false, trim: false, writeZeroes: false, fastZero: false, cache: false };
    super({ ...parts, abilities: { ...no, readOnly: true, multiConn: true, rotational: false, contexts } });
  }

  override write(offset: Offset, source: Uint8Array, options?: Abortable): void {
    this.#refuseChange(offset, source.length, options);
  }

  override flush(options?: Abortable): void {
    this.requireUsable(options);
  }

  override trim(offset: Offset, length: Offset, options?: Abortable): void {
    this.#refuseChange(offset, length, options);
  }

  override writeZeroes(offset: Offset, length: Offset, options?: Abortable): void {
    this.#refuseChange(offset, length, options);
  }

  #refuseChange(offset: Offset, length: Offset, options: Abortable | undefined): void {
    this.enter(offset, length, options);
    throw new UsageError('ERR_NBD_READ_ONLY', 'the image is open for reading only');
  }
}
