/** Footers and headers of VHDs, encoded. All numbers are big-endian. */
import { dynamicHeaderBytes } from './dynamic-header.ts';
import { footerBytes, vhdChecksum } from './footer.ts';

/** Times count from the first of January 2000. */
const epochMs = Date.UTC(2000, 0, 1);
const all = 0xffff_ffff_ffff_ffffn;

/** What a footer says. */
export interface FooterContent {
  readonly virtualBytes: number;
  /** 16 bytes. */
  readonly id: Uint8Array;
  readonly createdMs: number;
}

/** Encodes the footer of a dynamic disk. */
export function encodeFooter({ virtualBytes, id, createdMs }: FooterContent): Uint8Array {
  const bytes = new Uint8Array(footerBytes);
  const view = new DataView(bytes.buffer);
  putText(bytes, 0, 'conectix');
  // A bit that is always set.
  view.setUint32(8, 2);
  view.setUint32(12, 0x0001_0000);
  view.setBigUint64(16, BigInt(footerBytes));
  view.setUint32(24, Math.max(0, Math.floor((createdMs - epochMs) / 1000)));
  // Readers decide by the creator whether the size is in bytes or in cylinders. With this one, all of them take the size in bytes.
  putText(bytes, 28, 'win ');
  view.setUint32(32, 0x0006_0001);
  putText(bytes, 36, 'Wi2k');
  view.setBigUint64(40, BigInt(virtualBytes));
  view.setBigUint64(48, BigInt(virtualBytes));
  const { cylinders, heads, sectors } = vhdGeometry(virtualBytes / 512);
  view.setUint16(56, cylinders);
  view.setUint8(58, heads);
  view.setUint8(59, sectors);
  view.setUint32(60, 3);
  bytes.set(id, 68);
  view.setUint32(64, vhdChecksum(bytes, 64));
  return bytes;
}

/** Encodes the header of a dynamic disk whose table of blocks follows it. */
export function encodeDynamicHeader(tableEntries: number, blockBytes: number): Uint8Array {
  const bytes = new Uint8Array(dynamicHeaderBytes);
  const view = new DataView(bytes.buffer);
  putText(bytes, 0, 'cxsparse');
  view.setBigUint64(8, all);
  view.setBigUint64(16, BigInt(footerBytes + dynamicHeaderBytes));
  view.setUint32(24, 0x0001_0000);
  view.setUint32(28, tableEntries);
  view.setUint32(32, blockBytes);
  view.setUint32(36, vhdChecksum(bytes, 36));
  return bytes;
}

/** A size in sectors as cylinders, heads and sectors ("CHS Calculation"): about the same, and never more. */
function vhdGeometry(sectorCount: number) {
  const total = Math.min(sectorCount, 65_535 * 16 * 255);
  if (total >= 65_535 * 16 * 63) return { cylinders: Math.floor(total / 255 / 16), heads: 16, sectors: 255 };
  let sectors = 17;
  let tracks = Math.floor(total / sectors);
  let heads = Math.max(4, Math.ceil(tracks / 1024));
  if (tracks >= heads * 1024 || heads > 16) {
    [sectors, heads] = [31, 16];
    tracks = Math.floor(total / sectors);
  }
  if (tracks >= heads * 1024) {
    [sectors, heads] = [63, 16];
    tracks = Math.floor(total / sectors);
  }
  return { cylinders: Math.floor(tracks / heads), heads, sectors };
}

function putText(bytes: Uint8Array, offset: number, text: string): void {
  new TextEncoder().encodeInto(text, bytes.subarray(offset, offset + text.length));
}
