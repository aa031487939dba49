/** The clients that use each device: a resize has to know how many there are, and each of them hears of lost writes by itself. */
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
