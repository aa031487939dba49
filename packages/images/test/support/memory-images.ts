/** Images in memory. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { createMemoryDevice } from '@nbdjs/storage';

/** A device that has these bytes. */
export function deviceOf(bytes: Uint8Array): BlockDevice {
  const device = createMemoryDevice({ size: bytes.length });
  if (bytes.length > 0) device.write(0, bytes);
  return device;
}

/** All that a stream brings. */
export async function gather(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** So many bytes of one value. */
export function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}

/** Reads a range into new memory. */
export async function readAt(device: BlockDevice, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await device.read(offset, bytes);
  return bytes;
}
