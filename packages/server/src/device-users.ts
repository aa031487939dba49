/** Who uses each device: how many, which a resize has to know, and each of them as a holder who hears of losses by himself. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { Holder } from '@nbdjs/kit';

export class DeviceUsers {
  readonly #counts = new Map<BlockDevice, number>();

  of(device: BlockDevice): number {
    return this.#counts.get(device) ?? 0;
  }

  enter(device: BlockDevice): Holder {
    this.#counts.set(device, this.of(device) + 1);
    return new Holder(device);
  }

  leave(device: BlockDevice): void {
    const count = this.of(device) - 1;
    if (count > 0) this.#counts.set(device, count);
    else this.#counts.delete(device);
  }
}
