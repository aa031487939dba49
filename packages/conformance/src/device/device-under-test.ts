/** A device that is made for one rule. */
import type { BlockDevice } from '@nbdjs/interfaces';

/** How the suite comes by the devices that it tests. */
export interface BlockDeviceFactory {
  /** Makes a device of this many bytes, all zero. What it needs besides is released when the device is closed. */
  make(size: number): Promise<BlockDevice>;
  /** The device keeps nothing of what is written to it. @default false */
  readonly forgets?: boolean | undefined;
}

/** What a rule is given. */
export interface DeviceUnderTest {
  readonly device: BlockDevice;
  /** The device's size in bytes; not a multiple of the usual block sizes. */
  readonly size: number;
  readonly forgets: boolean;
}
