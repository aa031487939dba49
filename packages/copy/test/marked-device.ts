/** A device with a dirty bitmap. */
import type { BlockDevice, Extent, Offset } from '@nbdjs/interfaces';
import { ScriptedDevice, type ScriptedOptions } from './scripted-device.ts';

export const bitmap = 'qemu:dirty-bitmap:b0';

/** A device with a bitmap: a byte of `marks` for each 1000 bytes. */
export class MarkedDevice extends ScriptedDevice {
  readonly marks: Uint8Array;
  readonly reads: (readonly [number, number])[] = [];

  constructor(options: ScriptedOptions, marks: Uint8Array) {
    super({ ...options, abilities: { contexts: ['base:allocation', bitmap] } });
    this.marks = marks;
  }

  override read(offset: Offset, target: Uint8Array): void | Promise<void> {
    this.reads.push([Number(offset), target.length]);
    return super.read(offset, target);
  }

  override blockStatus(
    offset: Offset,
    length: Offset,
    options: { readonly contexts?: readonly string[] } = {},
  ): ReturnType<BlockDevice['blockStatus']> {
    if (options.contexts?.[0] !== bitmap) return super.blockStatus(offset, length);
    const extents: Extent[] = [];
    const end = Number(offset) + Number(length);
    for (let at = Number(offset); at < end && extents.length < 5; ) {
      const block = Math.floor(at / 1000);
      const to = Math.min(end, (block + 1) * 1000);
      extents.push({ offset: BigInt(at), length: BigInt(to - at), status: BigInt(this.marks[block] ?? 0) });
      at = to;
    }
    return [{ context: bitmap, extents }];
  }
}
