/** Who uses each device: how many, which a resize has to know, and each of them as a holder who hears of losses by himself. */
import { type BlockDevice, Holder, LossLog } from '@nbdjs/interfaces';

interface Users {
  count: number;
  /** For a device that does not count its losses itself. */
  readonly log: LossLog;
}

export class DeviceUsers {
  readonly #users = new Map<BlockDevice, Users>();

  of(device: BlockDevice): number {
    return this.#users.get(device)?.count ?? 0;
  }

  enter(device: BlockDevice): Holder {
    const users = this.#users.get(device) ?? { count: 0, log: new LossLog() };
    this.#users.set(device, users);
    users.count++;
    return new Holder(device, users.log);
  }

  leave(device: BlockDevice): void {
    const users = this.#users.get(device);
    if (users === undefined) return;
    users.count--;
    if (users.count === 0) this.#users.delete(device);
  }
}
