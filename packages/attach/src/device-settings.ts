/** What the kernel is told about a device. */
import { type Geometry, UsageError } from '@nbdjs/interfaces';
import type { OldstyleExport } from '@nbdjs/protocol';
import type { DeviceSettings } from './netlink/nbd-messages.ts';

const sectorBytes = 512;
/** The kernel has no larger blocks than its pages. */
const pageBytes = 4096;

/**
 * With several connections the kernel gives one up that does not answer in time, and has no way to say "never": 0 means 30 s there. A week is
 * more than anybody waits for a server, and fits the kernel's counters on all processors.
 */
const neverSeconds = 7 * 24 * 60 * 60;

/** What is wanted besides the device's own facts. */
export interface WantedSettings {
  readonly blockSize: number | undefined;
  readonly connections: number;
  readonly keepSeconds: number;
  readonly identifier: string | undefined;
}

/**
 * Returns the kernel's settings of a device.
 *
 * @throws UsageError for blocks that the device does not have, and for a device that is shorter than a block.
 */
export function deviceSettings(
  { minimumBlockSize }: Geometry,
  { size, transmissionFlags }: OldstyleExport,
  { blockSize, connections, keepSeconds, identifier }: WantedSettings,
): DeviceSettings {
  const smallest = Math.min(Math.max(minimumBlockSize, sectorBytes), pageBytes);
  const chosen = blockSize ?? smallest;
  if (chosen < smallest) {
    const message = `blocks of ${chosen} bytes are wanted, and the device has blocks of ${minimumBlockSize} bytes at least`;
    throw new UsageError('ERR_NBD_UNALIGNED', message);
  }
  // What is left behind the last whole block cannot be reached.
  const whole = size - (size % BigInt(chosen));
  if (whole === 0n) {
    throw new UsageError(
      'ERR_NBD_ARGUMENT',
      `device has ${size} bytes, which is not even one block of ${chosen} bytes`,
    );
  }
  const timeoutSeconds = connections > 1 ? neverSeconds : 0;
  return {
    size: whole,
    blockSize: chosen,
    transmissionFlags,
    timeoutSeconds,
    deadConnectionSeconds: keepSeconds,
    identifier,
  };
}
