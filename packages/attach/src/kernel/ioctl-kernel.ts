/** The kernel's driver by requests of a device: for kernels without messages. A thread of this process waits as long as the device is attached. */
import { closeSync, openSync } from 'node:fs';
import { UsageError } from '@nbdjs/interfaces';
import { wait } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import type { DeviceSettings } from '../netlink/nbd-messages.ts';
import { devicePath } from './device-path.ts';
import { attachingOrders, detachingOrders } from './ioctl-requests.ts';
import { startOrders } from './ioctl-worker.ts';
import type { Kernel, KernelDevice, WantedDevice } from './kernel.ts';
import type { DeviceFiles } from './sysfs.ts';

/** How long the kernel may take until it shows a device as attached, and how often it is looked at, in milliseconds. */
const appearingMs = 5000;
const lookingMs = 10;

/** Returns the driver, which is there. */
export function openIoctlKernel(files: DeviceFiles): Kernel {
  return new IoctlKernel(files);
}

class IoctlKernel implements Kernel {
  readonly via = 'ioctl';
  readonly #files: DeviceFiles;

  constructor(files: DeviceFiles) {
    this.#files = files;
  }

  async attach(
    { index, isTakenOver }: WantedDevice,
    settings: DeviceSettings,
    sockets: readonly number[],
  ): Promise<KernelDevice> {
    if (isTakenOver) {
      throw new UsageError('ERR_NBD_NOT_SUPPORTED', 'a device is taken over by netlink only, and ioctl is used here');
    }
    if (index !== undefined) return await this.#attachTo(index, settings, sockets);
    for (const candidate of this.#files.indices) {
      if (this.#files.read(candidate)?.thread !== undefined) continue;
      try {
        return await this.#attachTo(candidate, settings, sockets);
      } catch (error) {
        // Another program was quicker.
        if (!(error instanceof Error && 'code' in error && error.code === 'EBUSY')) throw error;
      }
    }
    throw new UsageError(
      'ERR_NBD_STATE',
      'all NBD devices of the kernel are in use (modprobe nbd nbds_max=64 makes more)',
    );
  }

  async #attachTo(index: number, settings: DeviceSettings, sockets: readonly number[]): Promise<KernelDevice> {
    const fd = openSync(devicePath(index), 'r+');
    const { last, done } = startOrders(fd, attachingOrders(settings, sockets));
    const released = done.catch(() => {}).finally(() => closeSync(fd));
    await last;
    // The last request has failed if it settles now, instead of waiting for the end.
    const hasEnded = done.then(() => true);
    hasEnded.catch(() => {});
    const untilMs = systemClock.now() + appearingMs;
    while (this.#files.read(index)?.thread === undefined) {
      const ended = await Promise.race([hasEnded, wait(systemClock, lookingMs).then(() => false)]);
      if (ended || systemClock.now() > untilMs) {
        throw new UsageError('ERR_NBD_STATE', `${devicePath(index)} was given up by the kernel at once`);
      }
    }
    return { index, released };
  }

  /** In a thread: the driver tells the other end, and waits for that. */
  async detach(index: number): Promise<void> {
    const fd = openSync(devicePath(index), 'r+');
    try {
      await startOrders(fd, detachingOrders).done;
    } finally {
      closeSync(fd);
    }
  }

  close(): void {}
}
