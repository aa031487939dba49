/** What pax says about files: records of length, keyword and value (POSIX "pax Extended Header"). */
import { damagedImage } from '../image-errors.ts';

const utf8 = new TextDecoder();

/** @throws UsageError `ERR_NBD_IMAGE` for records whose length does not fit. */
export function decodePaxRecords(bytes: Uint8Array, place: string): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length && bytes[at] !== 0; ) {
    const space = bytes.indexOf(0x20, at);
    const length = space < 0 || space - at > 10 ? Number.NaN : Number(utf8.decode(bytes.subarray(at, space)));
    const end = at + length;
    if (!Number.isSafeInteger(length) || end > bytes.length || end <= space + 1 || bytes[end - 1] !== 0x0a) {
      throw damagedImage(place, `the record at its byte ${at} has a wrong length`);
    }
    const text = utf8.decode(bytes.subarray(space + 1, end - 1));
    const equals = text.indexOf('=');
    if (equals > 0) records.set(text.slice(0, equals), text.slice(equals + 1));
    at = end;
  }
  return records;
}
