/** The extensions behind a header: their numbers, and the views of those that we know ("Header extensions"). */
import { damagedImage } from '../image-errors.ts';
import { type FeatureName, featureKinds } from './features.ts';

/** Numbers of header extensions. */
export const ExtensionType = {
  /** The end of the extensions. */
  End: 0,
  /** The format of the backing file. */
  BackingFormat: 0xe279_2aca,
  /** Names of feature bits. */
  FeatureNames: 0x6803_f857,
  /** Where the directory of bitmaps is. */
  Bitmaps: 0x2385_2875,
  /** Where the header of LUKS is. */
  FullDiskEncryption: 0x0537_be77,
  /** The name of the external data file. */
  DataFile: 0x4441_5441,
} as const;

/** One extension, as it is stored. Those of unknown types have to be kept by writers. */
export interface HeaderExtension {
  /** One of `ExtensionType`, or a number that we do not know. */
  readonly type: number;
  /** Its content, without padding. */
  readonly bytes: Uint8Array;
}

/** Where the bitmaps of an image are. */
export interface BitmapsExtension {
  /** How many there are. */
  readonly count: number;
  /** The length of their directory, in bytes. */
  readonly directoryBytes: bigint;
  /** Where the directory begins, in bytes. */
  readonly directoryOffset: bigint;
}

/** Bytes of an entry of the feature name table: kind, bit and name. */
const featureBytes = 48;
const bitmapsBytes = 24;

const utf8 = new TextDecoder();
const toUtf8 = new TextEncoder();

/** Returns the first extension of a type. */
export function findExtension(extensions: readonly HeaderExtension[], type: number): HeaderExtension | undefined {
  return extensions.find((one) => one.type === type);
}

/** Returns the text of an extension that is one: the format of the backing file, or the name of the data file. */
export function extensionText(extensions: readonly HeaderExtension[], type: number): string | undefined {
  const found = findExtension(extensions, type);
  return found === undefined ? undefined : utf8.decode(found.bytes);
}

/** Makes an extension of a text. */
export function textExtension(type: number, text: string): HeaderExtension {
  return { type, bytes: toUtf8.encode(text) };
}

/** Returns the names in the feature name table; entries of unknown kinds are left out. */
export function featureNames(extensions: readonly HeaderExtension[]): readonly FeatureName[] {
  const bytes = findExtension(extensions, ExtensionType.FeatureNames)?.bytes ?? new Uint8Array(0);
  const names: FeatureName[] = [];
  for (let at = 0; at + featureBytes <= bytes.length; at += featureBytes) {
    const kind = featureKinds[bytes[at] ?? 0];
    const bit = bytes[at + 1] ?? 0;
    const text = bytes.subarray(at + 2, at + featureBytes);
    const end = text.indexOf(0);
    if (kind === undefined || bit > 63) continue;
    // Names come from anywhere and are printed: control characters become spaces.
    const name = utf8.decode(end < 0 ? text : text.subarray(0, end)).replace(/\p{Cc}/gu, ' ');
    if (name !== '') names.push({ kind, bit, name });
  }
  return names;
}

/** Makes a feature name table. Names are cut at 46 bytes. */
export function featureNamesExtension(names: readonly FeatureName[]): HeaderExtension {
  const bytes = new Uint8Array(names.length * featureBytes);
  for (const [index, { kind, bit, name }] of names.entries()) {
    const at = index * featureBytes;
    bytes[at] = featureKinds.indexOf(kind);
    bytes[at + 1] = bit;
    toUtf8.encodeInto(name, bytes.subarray(at + 2, at + featureBytes));
  }
  return { type: ExtensionType.FeatureNames, bytes };
}

/**
 * Returns where the bitmaps are; `undefined` when the image has none.
 *
 * @throws UsageError `ERR_NBD_IMAGE` when the extension has another length.
 */
export function bitmapsExtension(extensions: readonly HeaderExtension[]): BitmapsExtension | undefined {
  const bytes = findExtension(extensions, ExtensionType.Bitmaps)?.bytes;
  if (bytes === undefined) return undefined;
  if (bytes.length !== bitmapsBytes) {
    throw damagedImage('the bitmaps extension', `it has ${bytes.length} bytes, expected ${bitmapsBytes}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { count: view.getUint32(0), directoryBytes: view.getBigUint64(8), directoryOffset: view.getBigUint64(16) };
}

/** Makes the extension that says where the bitmaps are. */
export function makeBitmapsExtension(bitmaps: BitmapsExtension): HeaderExtension {
  const bytes = new Uint8Array(bitmapsBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bitmaps.count);
  view.setBigUint64(8, bitmaps.directoryBytes);
  view.setBigUint64(16, bitmaps.directoryOffset);
  return { type: ExtensionType.Bitmaps, bytes };
}
