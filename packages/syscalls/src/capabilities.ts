/** Which calls there are, so that a caller can take its portable path knowingly. */
import { native } from './native.ts';

export interface Capabilities {
  readonly duplicateDescriptor: boolean;
  /** `seekData` and `seekHole`; a filesystem may still answer that it cannot tell. */
  readonly seekData: boolean;
  /** `punchHole` and `zeroRange`; a filesystem may still refuse. */
  readonly allocate: boolean;
  readonly blockDevices: boolean;
  /** `peerUser`. */
  readonly peerUsers: boolean;
}

export function capabilities(): Capabilities {
  const available = native() !== undefined;
  return {
    duplicateDescriptor: available,
    seekData: available,
    allocate: available,
    blockDevices: available,
    peerUsers: available,
  };
}
