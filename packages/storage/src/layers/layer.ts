/** What all layers have in common: whatever they do not change goes on to the device below. */
import type {
  Abilities,
  Abortable,
  BlockDevice,
  BlockStatusOptions,
  Geometry,
  Losses,
  MetaContextExtents,
  Offset,
  ReadOptions,
  WriteOptions,
  WriteZeroesOptions,
} from '@nbdjs/interfaces';
import { Holder } from '@nbdjs/kit';

export abstract class Layer implements BlockDevice {
  readonly geometry: Geometry;
  readonly abilities: Abilities;
  protected readonly inner: BlockDevice;
  /** Others may use the device below, too, by layers of their own. */
  readonly #holder: Holder;

  constructor(inner: BlockDevice, geometry: Geometry = inner.geometry, abilities: Abilities = inner.abilities) {
    this.inner = inner;
    this.#holder = new Holder(inner);
    this.geometry = geometry;
    this.abilities = abilities;
  }

  get takesAnyRange(): boolean {
    return this.inner.takesAnyRange ?? false;
  }

  get losses(): Losses | undefined {
    return this.inner.losses;
  }

  read(offset: Offset, target: Uint8Array, options?: ReadOptions): void | Promise<void> {
    return this.inner.read(offset, target, options);
  }

  write(offset: Offset, source: Uint8Array, options?: WriteOptions): void | Promise<void> {
    return this.inner.write(offset, source, options);
  }

  flush(options?: Abortable): void | Promise<void> {
    return this.#holder.flush(options);
  }

  trim(offset: Offset, length: Offset, options?: WriteOptions): void | Promise<void> {
    return this.inner.trim(offset, length, options);
  }

  writeZeroes(offset: Offset, length: Offset, options?: WriteZeroesOptions): void | Promise<void> {
    return this.inner.writeZeroes(offset, length, options);
  }

  cache(offset: Offset, length: Offset, options?: Abortable): void | Promise<void> {
    return this.inner.cache(offset, length, options);
  }

  blockStatus(
    offset: Offset,
    length: Offset,
    options?: BlockStatusOptions,
  ): readonly MetaContextExtents[] | Promise<readonly MetaContextExtents[]> {
    return this.inner.blockStatus(offset, length, options);
  }

  /** Closes the device below, too. */
  close(): Promise<void> {
    return this.inner.close();
  }
}
