/** The descriptor of a VMDK: a text with the disk's extents and its parent. */
import { printable } from '../bytes/text.ts';
import { damagedImage, unsupportedImage } from '../image-errors.ts';
import { sectorBytes } from './sparse-header.ts';

/** The longest descriptor, in bytes. One of a disk in 2 GiB pieces has some KiB. */
export const descriptorBytesMax = 2 ** 20;
/** With pieces of 2 GiB, 8 TiB. */
const extentsMax = 4096;
const noParent = 0xffff_ffff;

/** One extent of a disk, as its line says. */
export interface ExtentLine {
  /** `flat`: bytes of a file. `sparse`: grains of a file. `zero`: nothing. */
  readonly kind: 'flat' | 'sparse' | 'zero';
  /** The length in bytes. */
  readonly length: number;
  /** The file; empty for `zero`. */
  readonly name: string;
  /** Where it begins in its file, in bytes (`flat` only). */
  readonly offset: number;
}

/** A decoded descriptor. */
export interface Descriptor {
  /** Such as `monolithicSparse`. */
  readonly createType: string;
  /** The content's number, which changes with the first write after each opening. */
  readonly contentId: number;
  /** The number that the parent's content had; `undefined` without a parent. */
  readonly parentContentId: number | undefined;
  /** The file name of the parent. */
  readonly parentName: string | undefined;
  readonly extents: readonly ExtentLine[];
}

/** The types of extents of hosted products; others belong to servers that have file systems of their own. */
const kinds: Readonly<Record<string, ExtentLine['kind']>> = {
  FLAT: 'flat',
  VMFS: 'flat',
  SPARSE: 'sparse',
  ZERO: 'zero',
};

/** Whether a file begins like a descriptor. */
export function looksLikeDescriptor(bytes: Uint8Array): boolean {
  return /^(\s|#(?! Disk DescriptorFile).*\n)*# *Disk DescriptorFile/i.test(new TextDecoder('latin1').decode(bytes));
}

/** @throws UsageError `ERR_NBD_IMAGE` when it is damaged, `ERR_NBD_NOT_SUPPORTED` for extents that cannot be read here. */
export function decodeDescriptor(bytes: Uint8Array): Descriptor {
  const end = bytes.indexOf(0);
  const text = new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  const values = new Map<string, string>();
  const extents: ExtentLine[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const extent = /^\s*(RW|RDONLY|NOACCESS)\s+(\d+)\s+(\w+)(?:\s+"([^"]*)"(?:\s+(\d+))?)?/.exec(line);
    if (extent !== null) {
      if (extents.length === extentsMax) throw damagedImage('the descriptor', `it has more than ${extentsMax} extents`);
      extents.push(extentOf(extent, index + 1));
      continue;
    }
    const pair = /^\s*([A-Za-z][\w.]*)\s*=\s*"?([^"]*?)"?\s*$/.exec(line);
    if (pair !== null) values.set((pair[1] ?? '').toLowerCase(), printable(pair[2] ?? ''));
  }
  const parent = contentId(values.get('parentcid') ?? 'ffffffff', 'parentCID');
  return {
    createType: values.get('createtype') ?? 'unknown',
    contentId: contentId(values.get('cid') ?? 'fffffffe', 'CID'),
    parentContentId: parent === noParent ? undefined : parent,
    parentName: values.get('parentfilenamehint'),
    extents,
  };
}

function contentId(text: string, name: string): number {
  if (/^[0-9a-f]{1,8}$/i.test(text)) return Number.parseInt(text, 16);
  throw damagedImage('the descriptor', `${name} is '${text.slice(0, 40)}', expected up to eight hexadecimal digits`);
}

function extentOf([, access, count, type, name, start]: RegExpExecArray, line: number): ExtentLine {
  const place = `line ${line} of the descriptor`;
  const kind = kinds[type ?? ''];
  if (kind === undefined) throw unsupportedImage(`VMDK with an extent of type ${type}, expected FLAT, SPARSE or ZERO`);
  if (access === 'NOACCESS') throw unsupportedImage(`VMDK with an extent without access (${place})`);
  const length = Number(count) * sectorBytes;
  const offset = Number(start ?? 0) * sectorBytes;
  if (!Number.isSafeInteger(length) || !Number.isSafeInteger(offset)) {
    throw damagedImage(place, `an extent of ${count} sectors from ${start ?? 0} on`);
  }
  if (kind !== 'zero' && (name === undefined || name === '')) throw damagedImage(place, 'the extent has no file');
  return { kind, length, name: printable(name ?? ''), offset };
}
