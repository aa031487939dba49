/** Tells of a device that it stores everything itself, as far as `qemu:allocation-depth` goes. */
import {
  allocationDepth,
  type BlockDevice,
  type BlockStatusOptions,
  type MetaContextExtents,
  type Offset,
} from '@nbdjs/interfaces';
import { Layer } from './layer.ts';

/** A device that knows the context, an overlay for instance, comes back as it is. */
export function createAllocationDepthLayer(device: BlockDevice): BlockDevice {
  return device.abilities.contexts.includes(allocationDepth) ? device : new AllocationDepthLayer(device);
}

class AllocationDepthLayer extends Layer {
  readonly lend?: NonNullable<BlockDevice['lend']>;
  readonly lendForWriting?: NonNullable<BlockDevice['lendForWriting']>;

  constructor(inner: BlockDevice) {
    super(inner, inner.geometry, { ...inner.abilities, contexts: [...inner.abilities.contexts, allocationDepth] });
    if (inner.lend !== undefined) this.lend = inner.lend.bind(inner);
    if (inner.lendForWriting !== undefined) this.lendForWriting = inner.lendForWriting.bind(inner);
  }

  override blockStatus(
    offset: Offset,
    length: Offset,
    options: BlockStatusOptions = {},
  ): readonly MetaContextExtents[] | Promise<readonly MetaContextExtents[]> {
    const { contexts = this.abilities.contexts } = options;
    if (!contexts.includes(allocationDepth)) return this.inner.blockStatus(offset, length, options);
    const depth = {
      context: allocationDepth,
      extents: [{ offset: BigInt(offset), length: BigInt(length), status: 1n }],
    };
    // Asked for no context at all, the device still checks the range.
    const others = contexts.filter((name) => name !== allocationDepth);
    const below = this.inner.blockStatus(offset, length, { ...options, contexts: others });
    return below instanceof Promise ? below.then((answer) => [...answer, depth]) : [...below, depth];
  }
}
