/**
 * Copy-on-write: what is written goes to a store, what is read comes from there or from the base, which never changes.
 *
 * Which ranges the store has, and which were zeroed since, is kept as sorted ranges with no clusters: nothing is ever copied
 * up, and a device of 8 EiB that is zeroed as a whole costs one range. Ranges of the store that were trimmed, zeroed or overwritten by
 * zeroes are trimmed in the store.
 */
import {
  type Abortable,
  AllocationStatus,
  allocationDepth,
  type BlockDevice,
  type BlockStatusOptions,
  baseAllocation,
  type Extent,
  type Geometry,
  type Losses,
  type MetaContextExtents,
  type Offset,
  type ReadOptions,
  UsageError,
  type WriteOptions,
} from '@nbdjs/interfaces';
import {
  defineOptions,
  IntervalMap,
  isZero,
  Layer,
  Lifetime,
  type OptionsOf,
  option,
  requireGoing,
  requireInside,
} from '@nbdjs/kit';
import { createMemoryDevice } from '../memory/memory-device.ts';
import { OverlayStore } from './overlay-store.ts';

export const overlayOptions = defineOptions({
  /** Where changes are kept: a device that is as large as the base. What it holds at first is not used. @default memory */
  store: option.object<BlockDevice>({
    defaultText: 'memory',
    doc: 'Where changes are kept: a device that is as large as the base. What it holds at first is not used.',
  }),
  /** Tell by the context `qemu:allocation-depth` what is stored here (1), and what below (2 and more). @default false */
  allocationDepth: option.boolean({
    default: false,
    doc: 'Tell by the context `qemu:allocation-depth` what is stored here (1), and what below (2 and more).',
  }),
});

/** Where changes go. */
export interface OverlayOptions extends OptionsOf<typeof overlayOptions> {}

/** Extents in one answer. */
const extentsMax = 4096;

/** The store is trimmed in units of this length, once no part of a unit is needed any more. In bytes. */
const unitBytes = 262_144n;

/**
 * Puts a copy-on-write layer over a device that is never changed.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown or wrong, or a store that is smaller than the base;
 *   `ERR_NBD_READ_ONLY` for a store that is read-only.
 */
export function createOverlayLayer(base: BlockDevice, options: OverlayOptions = {}): BlockDevice {
  const { store, allocationDepth: tellsDepth } = overlayOptions.resolve('createOverlayLayer', options);
  const { size } = base.geometry;
  if (store !== undefined && store.geometry.size < size) {
    const message = `the store has ${store.geometry.size} bytes, the device below it ${size}`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  if (store?.abilities.readOnly === true) throw new UsageError('ERR_NBD_READ_ONLY', 'the store is read-only');
  return new OverlayLayer(base, store ?? createMemoryDevice({ size }), tellsDepth);
}

/** Where bytes are, if they are not in the base. */
type Place = 'store' | 'zero';

class OverlayLayer extends Layer {
  readonly #store: BlockDevice;
  readonly #stored: OverlayStore;
  readonly #life = new Lifetime();
  readonly #places = new IntervalMap<Place>();

  constructor(base: BlockDevice, store: BlockDevice, tellsDepth: boolean) {
    // Requests are cut where stored ranges begin and end, so blocks have to fit both devices.
    const minimumBlockSize = Math.max(base.geometry.minimumBlockSize, store.geometry.minimumBlockSize);
    // The store has the size that the base has now, and keeps it.
    const geometry: Geometry = {
      size: base.geometry.size,
      minimumBlockSize,
      preferredBlockSize: Math.max(minimumBlockSize, base.geometry.preferredBlockSize),
      maximumBlockSize: Math.min(base.geometry.maximumBlockSize, store.geometry.maximumBlockSize),
    };
    super(base, {
      passes: [],
      geometry: () => geometry,
      abilities: {
        ...base.abilities,
        readOnly: false,
        flush: true,
        fua: store.abilities.fua,
        trim: true,
        writeZeroes: true,
        fastZero: true,
        cache: base.abilities.cache,
        multiConn: true,
        contexts: [
          ...base.abilities.contexts.filter((name) => name === baseAllocation),
          ...(tellsDepth ? [allocationDepth] : []),
        ],
      },
    });
    this.#store = store;
    this.#stored = new OverlayStore(store);
  }

  override async read(offset: Offset, target: Uint8Array, options?: ReadOptions): Promise<void> {
    const [start, end] = requireInside(this.geometry.size, offset, target.length);
    requireGoing(options);
    const { signal, onChunk } = options ?? {};
    for (const { from, to, value } of [...this.#places.within(start, end)]) {
      const position = Number(from - start);
      const part = target.subarray(position, Number(to - start));
      if (value === 'zero') part.fill(0);
      else await (value === 'store' ? this.#store : this.inner).read(from, part, { signal });
      onChunk?.({ type: value === 'zero' ? 'hole' : 'data', position, length: part.length });
    }
  }

  override write(offset: Offset, source: Uint8Array, options?: WriteOptions): void | Promise<void> {
    const [start, end] = requireInside(this.geometry.size, offset, source.length);
    if (isZero(source)) return this.writeZeroes(offset, source.length, options);
    // Readers are sent to the store only when the bytes are there.
    return this.#stored.write(start, source, options, () => this.#places.set(start, end, 'store'));
  }

  override get takesAnyRange(): boolean {
    const takesAny = ({ geometry, takesAnyRange }: BlockDevice): boolean =>
      geometry.minimumBlockSize === 1 || takesAnyRange === true;
    return takesAny(this.inner) && takesAny(this.#store);
  }

  override get losses(): Losses | undefined {
    return this.#store.losses;
  }

  override flush(options?: Abortable): void | Promise<void> {
    return this.#store.flush(options);
  }

  override trim(offset: Offset, length: Offset, options?: WriteOptions): void | Promise<void> {
    return this.writeZeroes(offset, length, options);
  }

  override writeZeroes(offset: Offset, length: Offset, options?: WriteOptions): void | Promise<void> {
    this.#life.requireOpen();
    const [start, end] = requireInside(this.geometry.size, offset, length);
    requireGoing(options);
    const wasStored = this.#isStored(start, end);
    this.#places.set(start, end, 'zero');
    if (!wasStored) return undefined;
    return this.#stored.giveBack(...this.#unused(start, end));
  }

  #isStored(start: bigint, end: bigint): boolean {
    for (const { value } of this.#places.within(start, end)) if (value === 'store') return true;
    return false;
  }

  /** Extends a range to its whole units, where nothing of them is stored. */
  #unused(start: bigint, end: bigint): readonly [from: bigint, to: bigint] {
    let from = start - (start % unitBytes);
    for (const { to, value } of this.#places.within(from, start)) if (value === 'store') from = to;
    const last = end + ((unitBytes - (end % unitBytes)) % unitBytes);
    const { size } = this.geometry;
    const to = last < size ? last : size;
    for (const { from: next, value } of this.#places.within(end, to)) if (value === 'store') return [from, next];
    return [from, to];
  }

  override async blockStatus(
    offset: Offset,
    length: Offset,
    options: BlockStatusOptions = {},
  ): Promise<readonly MetaContextExtents[]> {
    const [start, end] = requireInside(this.geometry.size, offset, length);
    const { contexts = this.abilities.contexts, one = false, signal } = options;
    requireGoing(options);
    if (start === end) throw new UsageError('ERR_NBD_EMPTY', 'block status of no bytes');
    const answer: MetaContextExtents[] = [];
    for (const context of this.abilities.contexts) {
      if (!contexts.includes(context)) continue;
      const extents = await this.#extents(context, start, end, one ? 1 : extentsMax, signal);
      answer.push({ context, extents: extents.slice(0, one ? 1 : extents.length) });
    }
    return answer;
  }

  async #extents(
    context: string,
    start: bigint,
    end: bigint,
    count: number,
    signal: AbortSignal | undefined,
  ): Promise<Extent[]> {
    const extents: Extent[] = [];
    for (const { from, to, value } of this.#places.firstWithin(start, end, count)) {
      if (extents.length >= count) break;
      if (value !== undefined) {
        extents.push({ offset: from, length: to - from, status: ownStatus(context, value) });
        continue;
      }
      const told = await this.#extentsBelow(context, from, to, count === 1, signal);
      extents.push(...told);
      const last = told.at(-1);
      // The base has answered for a part only; the caller asks again for the rest.
      if (last === undefined || last.offset + last.length < to) break;
    }
    return extents;
  }

  async #extentsBelow(
    context: string,
    from: bigint,
    to: bigint,
    one: boolean,
    signal: AbortSignal | undefined,
  ): Promise<readonly Extent[]> {
    const isDepth = context === allocationDepth;
    // A device without the context stores everything itself.
    if (isDepth && !this.inner.abilities.contexts.includes(context))
      return [{ offset: from, length: to - from, status: 2n }];
    const [below] = await this.inner.blockStatus(from, to - from, { contexts: [context], one, signal });
    const extents = below?.extents ?? [];
    return isDepth
      ? extents.map((extent) => (extent.status === 0n ? extent : { ...extent, status: extent.status + 1n }))
      : extents;
  }

  override async close(): Promise<void> {
    this.#life.end();
    await Promise.all([this.inner.close(), this.#store.close()]);
  }
}

function ownStatus(context: string, place: Place): bigint {
  if (context === allocationDepth) return 1n;
  return place === 'zero' ? BigInt(AllocationStatus.Hole | AllocationStatus.Zero) : 0n;
}
