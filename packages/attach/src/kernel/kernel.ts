/** The ways to the kernel's NBD driver. */
import type { DeviceSettings } from '../netlink/nbd-messages.ts';

/** `netlink`: messages, from Linux 4.12 on. `ioctl`: requests of the device, and a thread that waits in one of them. */
export type KernelInterface = 'netlink' | 'ioctl';

/** A device that the kernel has. */
export interface KernelDevice {
  /** The number in its name. */
  readonly index: number;
  /** Settles when the kernel has let go of the device, where it says so. */
  readonly released?: Promise<void> | undefined;
}

/** Which device is wanted. */
export interface WantedDevice {
  /** `undefined`: any that is free. */
  readonly index: number | undefined;
  /** It exists already, and its sockets have ended: it gets new ones. */
  readonly isTakenOver: boolean;
}

/** The kernel's NBD driver. */
export interface Kernel {
  readonly via: KernelInterface;
  /**
   * Hands sockets to the kernel, which from then on sends requests on them. The descriptors stay the caller's, who can close them.
   *
   * @throws UsageError when the device is not there, or in use; otherwise a system error.
   */
  attach(wanted: WantedDevice, settings: DeviceSettings, sockets: readonly number[]): Promise<KernelDevice>;
  /**
   * Has the kernel end its connections and let go of the device. What it has not written is lost, so flush before.
   *
   * @throws a system error.
   */
  detach(index: number): Promise<void>;
  /** Releases what this object has open. Devices stay attached. */
  close(): void;
}
