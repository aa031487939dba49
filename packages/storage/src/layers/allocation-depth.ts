/** Adds the context `qemu:allocation-depth` to a device, which reports that the device stores everything itself (depth 1). */
import {
  allocationDepth,
  type BlockDevice,
  type BlockStatusOptions,
  type MetaContextExtents,
  type Offset,
} from '@nbdjs/interfaces';
import { Layer } from '@nbdjs/kit';

/** A device that has the context already, such as an overlay, is returned unchanged. */
export function createAllocationDepthLayer(device: BlockDevice): BlockDevice {
  return device.abilities.contexts.includes(allocationDepth) ? device : new AllocationDepthLayer(device);
}

class AllocationDepthLayer extends Layer {
  constructor(inner: BlockDevice) {
    super(inner, {
      passes: ['memory', 'resizing', 'deferredReads'],
      abilities: { ...inner.abilities, contexts: [...inner.abilities.contexts, allocationDepth] },
    });
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
    // Without any context left, the device below still has to check the range.
    const others = contexts.filter((name) => name !== allocationDepth);
    const below = this.inner.blockStatus(offset, length, { ...options, contexts: others });
    return below instanceof Promise ? below.then((answer) => [...answer, depth]) : [...below, depth];
  }
}
