/** Files of a CD or DVD image (ECMA-119, ISO 9660). They are stored in one piece each, so that a file is a slice of the image. */
import { type Abortable, type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { createSliceLayer, defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { readLatin1 } from '../bytes/text.ts';
import { ImageFile, readStructure } from '../device/image-file.ts';
import { damagedImage, unsupportedImage } from '../image-errors.ts';
import { decodeIsoRecord, type IsoNames, type IsoRecord } from './iso-record.ts';

export const isoOptions = defineOptions({
  /** The most files and folders that are looked at. @default 65536 */
  filesMax: option.count({ default: 65_536, doc: 'The most files and folders that are looked at.' }),
  /** Ends the call when it is aborted. */
  signal: option.signal({ doc: 'Ends the call when it is aborted.' }),
});

/** How an ISO image is read. */
export interface IsoOptions extends Partial<OptionsOf<typeof isoOptions>>, Abortable {}

/** One file or folder of an ISO image. */
export interface IsoFile {
  /** From the root, with `/` between folders. */
  readonly path: string;
  /** `pieces`: a file whose parts do not follow each other, which is no slice of the image. */
  readonly kind: 'file' | 'directory' | 'pieces';
  /** First byte of its content, from the start of the image. */
  readonly offset: bigint;
  /** Length of its content in bytes. */
  readonly length: bigint;
}

const sectorBytes = 2048;
const firstDescriptor = 16;
const descriptorsMax = 64;
const directoryBytesMax = 16 * 2 ** 20;
const depthMax = 64;
/** What says that the names of a descriptor are in UCS-2 (Joliet). */
const jolietEscapes: readonly string[] = ['%/@', '%/C', '%/E'];

interface Volume {
  readonly root: IsoRecord;
  readonly names: IsoNames;
}

/**
 * Lists all files and folders of an ISO 9660 image, with the names of Rock Ridge, else those of Joliet, else plain ones.
 *
 * @throws UsageError `ERR_NBD_IMAGE` when it is none, or is damaged; `ERR_NBD_NOT_SUPPORTED` when it has more files than allowed.
 */
export async function listIsoFiles(device: BlockDevice, options: IsoOptions = {}): Promise<readonly IsoFile[]> {
  const { filesMax, signal } = isoOptions.resolve('listIsoFiles', options);
  const image = new ImageFile(device);
  const { root, names } = await findVolume(image, signal);
  const files: IsoFile[] = [];
  const seen = new Set<number>();
  const open: { readonly path: string; readonly record: IsoRecord; readonly depth: number }[] = [
    { path: '', record: root, depth: 0 },
  ];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { path, record, depth } = next;
    if (seen.has(record.offset)) throw damagedImage(`the folder '${path}'`, 'it is a part of a loop');
    if (depth > depthMax) throw damagedImage(`the folder '${path}'`, `it is deeper than ${depthMax} folders`);
    seen.add(record.offset);
    for (const one of joinPieces(await readDirectory(image, record, names, path, signal))) {
      if (files.length === filesMax) throw unsupportedImage(`an ISO image of more than ${filesMax} files`);
      const own = `${path}${one.name}`;
      files.push({ path: own, kind: one.kind, offset: BigInt(one.offset), length: BigInt(one.length) });
      if (one.kind === 'directory') open.push({ path: `${own}/`, record: one, depth: depth + 1 });
    }
  }
  return files.sort((first, second) => (first.path < second.path ? -1 : 1));
}

/**
 * Opens one file of an ISO image as a device. Its size is fixed. Closing it closes the image.
 *
 * @param path from the root; a `/` before it does not matter
 * @throws UsageError `ERR_NBD_ARGUMENT` when there is no file of that path; `ERR_NBD_NOT_SUPPORTED` for files in several pieces; and as
 *   `listIsoFiles` does.
 */
export async function openIsoFile(device: BlockDevice, path: string, options: IsoOptions = {}): Promise<BlockDevice> {
  const files = await listIsoFiles(device, options);
  const wanted = files.find((file) => file.path === path.replace(/^\/+/, ''));
  if (wanted === undefined || wanted.kind === 'directory') {
    const what = wanted === undefined ? 'no file' : 'a folder, and no file,';
    throw new UsageError('ERR_NBD_ARGUMENT', `there is ${what} '${path}' in the ISO image of ${files.length} files`);
  }
  const { kind, offset, length } = wanted;
  if (kind === 'pieces') throw unsupportedImage(`the file '${path}' is in pieces that do not follow each other`);
  if (offset + length > device.geometry.size) {
    const message = `it ends at byte ${offset + length}, and the image at ${device.geometry.size}`;
    throw damagedImage(`the file '${path}'`, message);
  }
  return createSliceLayer(device, { offset, length });
}

/** The primary volume, or that of Joliet where the primary one has no names of Rock Ridge. */
async function findVolume(image: ImageFile, signal: AbortSignal | undefined): Promise<Volume> {
  let primary: Volume | undefined;
  let joliet: Volume | undefined;
  for (let index = 0; index < descriptorsMax; index++) {
    const place = (firstDescriptor + index) * sectorBytes;
    const bytes = await readStructure(image, `the volume descriptor at byte ${place}`, place, sectorBytes, signal);
    if (readLatin1(bytes, 1, 5) !== 'CD001') throw damagedImage(`the volume descriptor at byte ${place}`, 'it is none');
    const type = bytes[0];
    if (type === 255) break;
    if (type !== 1 && type !== 2) continue;
    const isJoliet = type === 2 && jolietEscapes.includes(readLatin1(bytes, 88, 3));
    const names = isJoliet ? 'joliet' : 'plain';
    const root = decodeIsoRecord(bytes.subarray(156, 190), names, `the root at byte ${place + 156}`);
    if (type === 1) primary ??= { root, names };
    else if (isJoliet) joliet ??= { root, names };
  }
  if (primary === undefined) throw damagedImage('the ISO image', 'it has no primary volume');
  const start = await readStructure(image, 'the root', primary.root.offset, sectorBytes, signal);
  const self = decodeIsoRecord(start, 'plain', 'the root');
  // A root with Rock Ridge begins with a record that says so.
  if (self.usesRockRidge) return { root: primary.root, names: 'rock ridge' };
  return joliet ?? primary;
}

async function readDirectory(
  image: ImageFile,
  { offset, length }: IsoRecord,
  names: IsoNames,
  path: string,
  signal: AbortSignal | undefined,
): Promise<readonly IsoRecord[]> {
  const place = `the folder '/${path}' at byte ${offset}`;
  if (length > directoryBytesMax) throw damagedImage(place, `it has ${length} bytes`);
  const bytes = await readStructure(image, place, offset, length, signal);
  const records: IsoRecord[] = [];
  for (let at = 0; at < length; ) {
    const recordBytes = bytes[at] as number;
    // Records do not cross sectors; the rest of a sector is zero.
    if (recordBytes === 0) {
      at = (Math.floor(at / sectorBytes) + 1) * sectorBytes;
      continue;
    }
    const record = bytes.subarray(at, at + recordBytes);
    at += recordBytes;
    const decoded = decodeIsoRecord(record, names, `${place}, record at ${at - recordBytes}`);
    if (!decoded.isSelfOrParent) records.push(decoded);
  }
  return records;
}

type Joined = IsoRecord & { readonly kind: IsoFile['kind'] };

/** A file of 4 GiB or more has several records; usually its parts follow each other. */
function joinPieces(records: readonly IsoRecord[]): readonly Joined[] {
  const joined: Joined[] = [];
  let goesOn = false;
  for (const record of records) {
    const last = joined.at(-1);
    if (goesOn && last !== undefined) {
      const follows = last.kind === 'file' && last.offset + last.length === record.offset;
      joined[joined.length - 1] = { ...last, length: last.length + record.length, kind: follows ? 'file' : 'pieces' };
    } else joined.push({ ...record, kind: record.isDirectory ? 'directory' : 'file' });
    goesOn = record.goesOn;
  }
  return joined;
}
