/** A device that is made for one rule. */
import type { BlockDevice, DeviceExtras } from '@nbdjs/interfaces';

/** Makes the devices that the suite tests. */
export interface BlockDeviceFactory {
  /** Makes a device of this many bytes, all zero. What it needs besides is released when the device is closed. */
  make(size: number): Promise<BlockDevice>;
  /** The device keeps nothing of what is written to it. @default false */
  readonly forgets?: boolean | undefined;
  /**
   * Which of the optional fast paths the devices have. A layer that loses one, or that has one which it should not pass on, fails.
   * @default not checked; those that a device has are tested
   */
  readonly extras?: readonly (keyof DeviceExtras)[] | undefined;
}

/** What a rule is given. */
export interface DeviceUnderTest {
  /** A fresh device, all zero. */
  readonly device: BlockDevice;
  /** The device's size in bytes; not a multiple of the usual block sizes. */
  readonly size: number;
  /** The device keeps nothing of what is written to it. */
  readonly forgets: boolean;
  /** `undefined` when the factory does not say. */
  readonly extras: readonly (keyof DeviceExtras)[] | undefined;
}
