/** Bytes that the rules for devices write, and what they read back. */
import type { DeviceUnderTest } from './device-under-test.ts';

const pieceBytes = 256 * 1024;

/** Bytes other than zero, so that they differ from what was never written. */
export function randomBytes(random: () => number, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => 1 + Math.floor(random() * 255));
}

/** The whole content of the device. */
export async function readAll({ device, size }: DeviceUnderTest): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  for (let offset = 0; offset < size; offset += pieceBytes) {
    await device.read(offset, bytes.subarray(offset, Math.min(size, offset + pieceBytes)));
  }
  return bytes;
}
