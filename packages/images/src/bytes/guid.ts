/** GUIDs as Microsoft and UEFI store them: the first three fields little-endian. */

/** Bytes of a GUID. */
export const guidBytes = 16;

const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/** The GUID at a place, such as `0FC63DAF-8483-4772-8E79-3D69D8477DE4`. */
export function readGuid(bytes: Uint8Array, offset: number): string {
  return inGroups(order.map((place) => bytes[offset + place] ?? 0));
}

/** The same, with all fields big-endian (UUIDs of VHD). */
export function readUuid(bytes: Uint8Array, offset: number): string {
  return inGroups([...bytes.subarray(offset, offset + guidBytes)]);
}

/** Whether there are only zeroes at a place. */
export function isZeroGuid(bytes: Uint8Array, offset: number): boolean {
  return bytes.subarray(offset, offset + guidBytes).every((byte) => byte === 0);
}

function inGroups(bytes: readonly number[]): string {
  const text = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return text.toUpperCase().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
