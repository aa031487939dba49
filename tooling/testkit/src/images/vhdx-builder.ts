/** Small VHDX files for tests: states that no program at hand leaves behind, such as a log that was not replayed, or partly present blocks. */
import { slowCrc32c } from './checksums.ts';

const mebibyte = 2 ** 20;
/** Where the parts are. */
export const vhdxPlaces = {
  headers: [65_536, 131_072],
  regions: [196_608, 262_144],
  log: mebibyte,
  metadata: 2 * mebibyte,
  bat: 3 * mebibyte,
  data: 4 * mebibyte,
} as const;

/** One change that a log entry has, of a sector of 4096 bytes; without bytes, zeroes. */
export interface VhdxLogChange {
  readonly offset: number;
  readonly bytes?: Uint8Array | undefined;
  /** Without bytes: how many are zeroed. */
  readonly zeroBytes?: number | undefined;
}

/** An entry of the log. */
export interface VhdxLogEntry {
  readonly sequence: number;
  readonly changes: readonly VhdxLogChange[];
  /** Where the oldest entry is, from the start of the log. */
  readonly tail: number;
  /** Its place in the log. */
  readonly at: number;
  /** The length that the file had. @default what it has */
  readonly flushedBytes?: number | undefined;
}

/** What is built. */
export interface VhdxPlan {
  /** Size of the disk in bytes. */
  readonly size: number;
  /** State and place (in MiB) of each block, by its number in the table. Blocks have 1 MiB. */
  readonly entries?: Readonly<Record<number, readonly [state: number, mebibytes: number]>> | undefined;
  /** What is at which place, in bytes from the start of the file. */
  readonly content?: readonly { readonly offset: number; readonly bytes: Uint8Array }[] | undefined;
  /** Keys and values about the parent. */
  readonly parent?: Readonly<Record<string, string>> | undefined;
  readonly log?: readonly VhdxLogEntry[] | undefined;
  /** Length of the file. @default as long as needed */
  readonly fileBytes?: number | undefined;
}

const logId = '11111111222233334444555555555555';
const batId = '6677c22d23f600429d64115e9bfd4a08';
const metadataId = '06a27c8b90479a4bb8fe575f050f886e';
const items = {
  parameters: '3767a1ca36fa434db3b633f0aa44e76b',
  size: '2442a52f1bcd7648b2115dbed83bf4b8',
  id: 'ab12cabee6b2234593efc309e000c746',
  logicalSector: '1dbf41816fa90947ba47f233a8faab5f',
  physicalSector: 'c748a3cd5d4471449cc9e9885251c556',
  parent: '2d5fd3a80bb34d45abf7d3d84834ab0c',
} as const;
const locatorType = 'b7ef4ab09ed1814ab78925b8e9445913';

/** Builds a file. Blocks have 1 MiB, and sectors 512 bytes. */
export function buildVhdx(plan: VhdxPlan): Uint8Array {
  const { size, entries = {}, content = [], parent, log = [] } = plan;
  const ends = Object.values(entries).map(([, place]) => (place + 1) * mebibyte);
  const file = new Uint8Array(plan.fileBytes ?? Math.max(vhdxPlaces.data, ...ends));
  const view = new DataView(file.buffer);
  put(file, 0, 'vhdxfile');
  putHeaders(file, log.length > 0);
  putRegions(file);
  putMetadata(file, size, parent);
  for (const [index, [state, place]] of Object.entries(entries)) {
    view.setBigUint64(vhdxPlaces.bat + Number(index) * 8, (BigInt(place) << 20n) | BigInt(state), true);
  }
  for (const { offset, bytes } of content) file.set(bytes, offset);
  for (const entry of log) file.set(encodeLogEntry(entry, file.length), vhdxPlaces.log + entry.at);
  return file;
}

/** Puts the checksums of headers and region tables right, after a change. */
export function mendVhdx(file: Uint8Array): void {
  for (const at of vhdxPlaces.headers) mend(file, at, 4096);
  for (const at of vhdxPlaces.regions) mend(file, at, 65_536);
}

function putHeaders(file: Uint8Array, hasLog: boolean): void {
  const view = new DataView(file.buffer);
  for (const [index, at] of vhdxPlaces.headers.entries()) {
    put(file, at, 'head');
    view.setBigUint64(at + 8, BigInt(index + 1), true);
    putHex(file, at + 16, 'aa'.repeat(16));
    putHex(file, at + 32, 'bb'.repeat(16));
    if (hasLog) putHex(file, at + 48, logId);
    view.setUint16(at + 66, 1, true);
    view.setUint32(at + 68, mebibyte, true);
    view.setBigUint64(at + 72, BigInt(vhdxPlaces.log), true);
    mend(file, at, 4096);
  }
}

function putRegions(file: Uint8Array): void {
  const view = new DataView(file.buffer);
  for (const at of vhdxPlaces.regions) {
    put(file, at, 'regi');
    view.setUint32(at + 8, 2, true);
    const parts = [
      { id: batId, place: vhdxPlaces.bat },
      { id: metadataId, place: vhdxPlaces.metadata },
    ];
    for (const [index, { id, place }] of parts.entries()) {
      const entry = at + 16 + index * 32;
      putHex(file, entry, id);
      view.setBigUint64(entry + 16, BigInt(place), true);
      view.setUint32(entry + 24, mebibyte, true);
      view.setUint32(entry + 28, 1, true);
    }
    mend(file, at, 65_536);
  }
}

function putMetadata(file: Uint8Array, size: number, parent: VhdxPlan['parent']): void {
  const view = new DataView(file.buffer);
  const table = vhdxPlaces.metadata;
  const parts: (readonly [string, Uint8Array])[] = [
    [items.parameters, numbers(mebibyte, parent === undefined ? 0 : 2)],
    [items.size, numbers(size % 2 ** 32, Math.floor(size / 2 ** 32))],
    [items.id, new Uint8Array(16).fill(0xcc)],
    [items.logicalSector, numbers(512)],
    [items.physicalSector, numbers(4096)],
    ...(parent === undefined ? [] : [[items.parent, encodeLocator(parent)] as const]),
  ];
  put(file, table, 'metadata');
  view.setUint16(table + 10, parts.length, true);
  let offset = 65_536;
  for (const [index, [id, bytes]] of parts.entries()) {
    const entry = table + 32 + index * 32;
    putHex(file, entry, id);
    view.setUint32(entry + 16, offset, true);
    view.setUint32(entry + 20, bytes.length, true);
    view.setUint32(entry + 24, 6, true);
    file.set(bytes, table + offset);
    offset += bytes.length;
  }
}

function encodeLocator(pairs: Readonly<Record<string, string>>): Uint8Array {
  const all = Object.entries(pairs);
  const bytes = new Uint8Array(20 + all.length * 12 + all.join('').length * 2 + 64);
  const view = new DataView(bytes.buffer);
  putHex(bytes, 0, locatorType);
  view.setUint16(18, all.length, true);
  let at = 20 + all.length * 12;
  const text = (value: string): readonly [number, number] => {
    const start = at;
    for (const character of value) {
      view.setUint16(at, character.charCodeAt(0), true);
      at += 2;
    }
    return [start, at - start];
  };
  for (const [index, [key, value]] of all.entries()) {
    const entry = 20 + index * 12;
    const [keyAt, keyBytes] = text(key);
    const [valueAt, valueBytes] = text(value);
    view.setUint32(entry, keyAt, true);
    view.setUint32(entry + 4, valueAt, true);
    view.setUint16(entry + 8, keyBytes, true);
    view.setUint16(entry + 10, valueBytes, true);
  }
  return bytes;
}

function encodeLogEntry(entry: VhdxLogEntry, fileBytes: number): Uint8Array {
  const data = entry.changes.filter(({ bytes }) => bytes !== undefined);
  const bytes = new Uint8Array(4096 * (1 + data.length));
  const view = new DataView(bytes.buffer);
  put(bytes, 0, 'loge');
  view.setUint32(8, bytes.length, true);
  view.setUint32(12, entry.tail, true);
  view.setBigUint64(16, BigInt(entry.sequence), true);
  view.setUint32(24, entry.changes.length, true);
  putHex(bytes, 32, logId);
  view.setBigUint64(48, BigInt(entry.flushedBytes ?? fileBytes), true);
  view.setBigUint64(56, BigInt(fileBytes), true);
  let sector = 4096;
  for (const [index, change] of entry.changes.entries()) {
    const at = 64 + index * 32;
    put(bytes, at, change.bytes === undefined ? 'zero' : 'desc');
    view.setBigUint64(at + 16, BigInt(change.offset), true);
    view.setBigUint64(at + 24, BigInt(entry.sequence), true);
    if (change.bytes === undefined) {
      view.setBigUint64(at + 8, BigInt(change.zeroBytes ?? 4096), true);
      continue;
    }
    bytes.set(change.bytes, sector);
    bytes.copyWithin(at + 8, sector, sector + 8);
    bytes.copyWithin(at + 4, sector + 4092, sector + 4096);
    put(bytes, sector, 'data');
    view.setUint32(sector + 4, 0, true);
    view.setUint32(sector + 4092, entry.sequence, true);
    sector += 4096;
  }
  view.setUint32(4, slowCrc32c(bytes), true);
  return bytes;
}

function mend(file: Uint8Array, at: number, length: number): void {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  if (at + length > file.length) return;
  view.setUint32(at + 4, 0, true);
  view.setUint32(at + 4, slowCrc32c(file.subarray(at, at + length)), true);
}

function numbers(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

function put(file: Uint8Array, at: number, text: string): void {
  file.set(new TextEncoder().encode(text), at);
}

function putHex(file: Uint8Array, at: number, hex: string): void {
  for (let index = 0; index < hex.length / 2; index++)
    file[at + index] = Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16);
}
