/** An entry of a list of exports. */
import { viewOf } from '../wire/reply-reader.ts';

const textBytesMax = 4096;

/** Returns what is wrong with a SERVER reply. */
export function faultOfEntry(payload: Uint8Array): string | undefined {
  if (payload.length < 4) return `a SERVER reply has ${payload.length} bytes, expected the length of a name at least`;
  const length = viewOf(payload).getUint32(0);
  if (length > payload.length - 4) return `a name of ${length} bytes in a SERVER reply of ${payload.length}`;
  const name = payload.subarray(4, 4 + length);
  return faultOfText(name, 'name of an export') ?? faultOfText(payload.subarray(4 + length), 'description');
}

/** Returns what is wrong with a string on the wire. */
export function faultOfText(bytes: Uint8Array, what: string): string | undefined {
  if (bytes.length > textBytesMax) return `a ${what} of ${bytes.length} bytes, 4096 are allowed`;
  if (bytes.includes(0)) return `a ${what} with NUL`;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return undefined;
  } catch {
    return `a ${what} that is not UTF-8`;
  }
}
