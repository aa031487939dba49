/** Which calls are available, so that a caller can choose its portable path. */
import { native } from './native.ts';

/** Which calls are available. */
export interface Capabilities {
  /** `duplicateDescriptor`. */
  readonly duplicateDescriptor: boolean;
  /** `seekData` and `seekHole`; a filesystem may still answer that it has no such information. */
  readonly seekData: boolean;
  /** `punchHole` and `zeroRange`; a filesystem may still refuse. */
  readonly allocate: boolean;
  /** `blockDeviceSize` and `sectorSize`. */
  readonly blockDevices: boolean;
  /** `peerUser`. */
  readonly peerUsers: boolean;
  /** `socketPair`, `openNetlink` and `controlDevice`: what it takes to give the kernel a device. */
  readonly kernelDevices: boolean;
  /** `createDescriptorInlet` and `openMessageDevice`. */
  readonly messageDevices: boolean;
}

/** Returns which calls are available in this process. */
export function capabilities(): Capabilities {
  const available = native() !== undefined;
  return {
    duplicateDescriptor: available,
    seekData: available,
    allocate: available,
    blockDevices: available,
    peerUsers: available,
    kernelDevices: available,
    messageDevices: native()?.recvmsg !== undefined,
  };
}
