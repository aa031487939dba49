/** How many clients use each device, which a resize has to know. */
import type { BlockDevice } from '@nbdjs/interfaces';

export class DeviceUsers {
  readonly #counts = new Map<BlockDevice, number>();

  of(device: BlockDevice): number {
    return this.#counts.get(device) ?? 0;
  }

  enter(device: BlockDevice): void {
    this.#counts.set(device, this.of(device) + 1);
  }

  leave(device: BlockDevice): void {
    const count = this.of(device) - 1;
    if (count > 0) this.#counts.set(device, count);
    else this.#counts.delete(device);
  }
}
