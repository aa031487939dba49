/** An input as a file: four bytes of seed, then its bytes. */
import type { Input } from './target.ts';

export function encodeInput({ seed, bytes }: Input): Uint8Array {
  const file = new Uint8Array(4 + bytes.length);
  new DataView(file.buffer).setUint32(0, seed);
  file.set(bytes, 4);
  return file;
}

export function decodeInput(file: Uint8Array): Input {
  const seed = new DataView(file.buffer, file.byteOffset, file.length).getUint32(0);
  return { seed, bytes: file.slice(4) };
}
