/** What all layers have in common: calls that a layer does not change go on to the device below. */
import type {
  Abilities,
  Abortable,
  BlockDevice,
  BlockStatusOptions,
  DeferredReads,
  DeviceExtras,
  DeviceMemory,
  DeviceResizing,
  Geometry,
  Losses,
  MetaContextExtents,
  Offset,
  ReadOptions,
  WriteOptions,
  WriteZeroesOptions,
} from '@nbdjs/interfaces';
import { Holder } from '../losses/holder.ts';

/** What a layer declares of itself. */
export interface LayerPolicy {
  /**
   * The optional fast paths of the device below that the layer passes on unchanged. A layer that changes what these paths would show
   * (other bytes, other places, an order or a time) must not pass them, or overrides them.
   */
  readonly passes: readonly (keyof DeviceExtras)[];
  /** Makes the layer's geometry from the one below; called again when that has changed. @default the same */
  readonly geometry?: ((below: Geometry) => Geometry) | undefined;
  /** @default those of the device below */
  readonly abilities?: Abilities | undefined;
}

const sameGeometry = (below: Geometry): Geometry => below;

/** A device over a device: a subclass overrides the calls that it changes. */
export abstract class Layer implements BlockDevice {
  readonly abilities: Abilities;
  /** The device below. */
  protected readonly inner: BlockDevice;
  /** The device below may have other layers over it, too. */
  readonly #holder: Holder;
  readonly #passes: ReadonlySet<keyof DeviceExtras>;
  readonly #geometryOf: (below: Geometry) => Geometry;
  #below: Geometry;
  #geometry: Geometry;

  constructor(inner: BlockDevice, { passes, geometry = sameGeometry, abilities = inner.abilities }: LayerPolicy) {
    this.inner = inner;
    this.abilities = abilities;
    this.#holder = new Holder(inner);
    this.#passes = new Set(passes);
    this.#geometryOf = geometry;
    this.#below = inner.geometry;
    this.#geometry = geometry(this.#below);
  }

  /** Follows the device below when that is resized. */
  get geometry(): Geometry {
    const below = this.inner.geometry;
    if (below !== this.#below) {
      this.#geometry = this.#geometryOf(below);
      this.#below = below;
    }
    return this.#geometry;
  }

  get memory(): DeviceMemory | undefined {
    return this.#passes.has('memory') ? this.inner.memory : undefined;
  }

  get resizing(): DeviceResizing | undefined {
    return this.#passes.has('resizing') ? this.inner.resizing : undefined;
  }

  get deferredReads(): DeferredReads | undefined {
    return this.#passes.has('deferredReads') ? this.inner.deferredReads : undefined;
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
