/** A layer that does something around each call. */
import type {
  Abortable,
  BlockDevice,
  BlockStatusOptions,
  DeferredReads,
  MetaContextExtents,
  Offset,
  ReadOptions,
  WriteOptions,
  WriteZeroesOptions,
} from '@nbdjs/interfaces';
import { Layer } from '@nbdjs/kit';

/** What was called. */
export interface LayerCall {
  /** The device's method. */
  readonly command: 'read' | 'write' | 'flush' | 'trim' | 'writeZeroes' | 'cache' | 'blockStatus';
  /** Absent for `flush`. */
  readonly offset?: Offset | undefined;
  /** In bytes; absent for `flush`. */
  readonly length?: Offset | undefined;
  /** The options of the call, as its caller gave them. */
  readonly options?: Abortable | undefined;
}

/** Called instead of each call; makes it by `go`, or does not. */
export type Around = <Result>(call: LayerCall, go: () => Result | Promise<Result>) => Result | Promise<Result>;

/**
 * Views of memory are not passed on: they are reads and writes that the layer would not notice. Deferred reads are calls like any
 * other.
 */
export class AroundLayer extends Layer implements DeferredReads {
  readonly #around: Around;

  constructor(inner: BlockDevice, around: Around) {
    super(inner, { passes: ['resizing'] });
    this.#around = around;
  }

  override get deferredReads(): DeferredReads | undefined {
    return this.inner.deferredReads === undefined ? undefined : this;
  }

  readInto(offset: Offset, length: number, provide: () => Uint8Array, options?: ReadOptions): void | Promise<void> {
    const call = { command: 'read', offset, length, options } as const;
    return this.#around(call, () => this.inner.deferredReads?.readInto(offset, length, provide, options));
  }

  override read(offset: Offset, target: Uint8Array, options?: ReadOptions): void | Promise<void> {
    const call = { command: 'read', offset, length: target.length, options } as const;
    return this.#around(call, () => super.read(offset, target, options));
  }

  override write(offset: Offset, source: Uint8Array, options?: WriteOptions): void | Promise<void> {
    const call = { command: 'write', offset, length: source.length, options } as const;
    return this.#around(call, () => super.write(offset, source, options));
  }

  override flush(options?: Abortable): void | Promise<void> {
    return this.#around({ command: 'flush', options }, () => super.flush(options));
  }

  override trim(offset: Offset, length: Offset, options?: WriteOptions): void | Promise<void> {
    return this.#around({ command: 'trim', offset, length, options }, () => super.trim(offset, length, options));
  }

  override writeZeroes(offset: Offset, length: Offset, options?: WriteZeroesOptions): void | Promise<void> {
    const call = { command: 'writeZeroes', offset, length, options } as const;
    return this.#around(call, () => super.writeZeroes(offset, length, options));
  }

  override cache(offset: Offset, length: Offset, options?: Abortable): void | Promise<void> {
    return this.#around({ command: 'cache', offset, length, options }, () => super.cache(offset, length, options));
  }

  override blockStatus(
    offset: Offset,
    length: Offset,
    options?: BlockStatusOptions,
  ): readonly MetaContextExtents[] | Promise<readonly MetaContextExtents[]> {
    const call = { command: 'blockStatus', offset, length, options } as const;
    return this.#around(call, () => super.blockStatus(offset, length, options));
  }
}
