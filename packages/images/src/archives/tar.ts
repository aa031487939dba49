/** Members of tar archives, such as the disks of an OVA. They are stored in one piece each, so that a member is a slice of the archive. */
import { type Abortable, type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { createSliceLayer, defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { printable, readLatin1, readUtf8 } from '../bytes/text.ts';
import { ImageFile, readStructure } from '../device/image-file.ts';
import { damagedImage, unsupportedImage } from '../image-errors.ts';
import { decodePaxRecords } from './pax-records.ts';
import { decodeTarHeader, type TarHeader, tarBlockBytes } from './tar-header.ts';

export const tarOptions = defineOptions({
  /** The most members that are looked at. @default 65536 */
  membersMax: option.count({ default: 65_536, doc: 'The most members that are looked at.' }),
  /** Ends the call when it is aborted. */
  signal: option.signal({ doc: 'Ends the call when it is aborted.' }),
});

/** How an archive is read. */
export interface TarOptions extends Partial<OptionsOf<typeof tarOptions>>, Abortable {}

/** One member of an archive. */
export interface TarMember {
  /** As the archive has it, in full length. */
  readonly name: string;
  /** `sparse`: a file whose holes were left out, which is no slice of the archive. */
  readonly kind: 'file' | 'directory' | 'link' | 'sparse' | 'other';
  /** First byte of its content, from the start of the archive. */
  readonly offset: bigint;
  /** Length of its content in bytes. */
  readonly length: bigint;
  /** When it was changed last, in milliseconds since 1970. */
  readonly modifiedMs: number;
}

/** Long names, and what pax says about a file: no honest archive has more. */
const extensionBytesMax = 2 ** 20;
const kinds: Readonly<Record<string, TarMember['kind']>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'link',
  '2': 'link',
  '5': 'directory',
  S: 'sparse',
};

/**
 * Lists the members of a tar archive: ustar, pax (long names, large sizes) and GNU (long names). Only headers are read.
 *
 * @throws UsageError `ERR_NBD_IMAGE` when it is no archive, is damaged, or was cut off; `ERR_NBD_NOT_SUPPORTED` when it has more members than
 *   allowed.
 */
export async function listTarMembers(device: BlockDevice, options: TarOptions = {}): Promise<readonly TarMember[]> {
  const { membersMax, signal } = tarOptions.resolve('listTarMembers', options);
  const file = new ImageFile(device);
  const members: TarMember[] = [];
  const reader = new TarReader(file, signal);
  for (let member = await reader.next(); member !== undefined; member = await reader.next()) {
    if (members.length === membersMax) throw unsupportedImage(`an archive of more than ${membersMax} members`);
    members.push(member);
  }
  return members;
}

/**
 * Opens one member as a device, for reading, and for writing as far as the archive can. Its size is fixed. Closing it closes the archive.
 *
 * @param name in full; `./` before it does not matter. Where an archive has a name twice, the later one counts, as for tar.
 * @throws UsageError `ERR_NBD_ARGUMENT` when there is no file of that name; `ERR_NBD_NOT_SUPPORTED` for sparse members, and as
 *   `listTarMembers` does.
 */
export async function openTarMember(device: BlockDevice, name: string, options: TarOptions = {}): Promise<BlockDevice> {
  const members = await listTarMembers(device, options);
  const wanted = members.filter((member) => plainName(member.name) === plainName(name)).at(-1);
  if (wanted === undefined) {
    const files = members.filter(({ kind }) => kind === 'file').map((member) => member.name);
    const shown = files.slice(0, 10).join(', ') + (files.length > 10 ? ', ...' : '');
    const message = `there is no member '${name}' in the archive; its files are: ${shown === '' ? 'none' : shown}`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  const { kind, offset, length } = wanted;
  if (kind === 'sparse') {
    throw unsupportedImage(
      `the member '${wanted.name}' is a sparse file, whose holes are not in the archive; unpack it`,
    );
  }
  if (kind !== 'file') throw new UsageError('ERR_NBD_ARGUMENT', `the member '${wanted.name}' is no file, but: ${kind}`);
  return createSliceLayer(device, { offset, length });
}

function plainName(name: string): string {
  return name.replace(/^(\.?\/)+/, '');
}

/** Goes from header to header. */
class TarReader {
  readonly #file: ImageFile;
  readonly #signal: AbortSignal | undefined;
  #at = 0;
  /** What pax says about all files that follow. */
  #global: ReadonlyMap<string, string> = new Map();

  constructor(file: ImageFile, signal: AbortSignal | undefined) {
    this.#file = file;
    this.#signal = signal;
  }

  /** The next member; `undefined` at the end of the archive. */
  async next(): Promise<TarMember | undefined> {
    let longName: string | undefined;
    let records: ReadonlyMap<string, string> = this.#global;
    for (let extensions = 0; ; extensions++) {
      const start = this.#at;
      const header = await this.#header();
      if (header === undefined) return undefined;
      // Each file has three at most: a name, a target of a link, and what pax says.
      if (extensions > 8)
        throw damagedImage(`the header at byte ${start}`, 'it follows too many headers of extensions');
      if (header.type === 'x') records = new Map([...records, ...(await this.#records(header))]);
      else if (header.type === 'g') {
        this.#global = new Map([...this.#global, ...(await this.#records(header))]);
        records = this.#global;
      } else if (header.type === 'L') longName = readUtf8(await this.#content(header));
      else if (header.type === 'K') await this.#content(header);
      else return this.#member(header, start, longName, records);
    }
  }

  async #member(
    header: TarHeader,
    start: number,
    longName: string | undefined,
    records: ReadonlyMap<string, string>,
  ): Promise<TarMember> {
    const name = printable(records.get('GNU.sparse.name') ?? records.get('path') ?? longName ?? header.name);
    const size = records.get('size');
    const length = size === undefined ? header.size : Number(size);
    if (!Number.isSafeInteger(length) || length < 0) {
      throw damagedImage(`the member '${name}'`, `its size is ${size ?? header.size}`);
    }
    if (header.type === 'S') await this.#skipSparseMap(header);
    const isSparse = header.type === 'S' || [...records.keys()].some((key) => key.startsWith('GNU.sparse.'));
    const kind = kinds[header.type] ?? 'other';
    // Links and directories have no content, whatever their size says.
    const stored = kind === 'link' || kind === 'directory' ? 0 : length;
    const offset = this.#at;
    if (offset + stored > this.#file.size) {
      const message = `it ends at byte ${offset + stored}, and the archive at ${this.#file.size}`;
      throw damagedImage(`the member '${name}' at byte ${start}`, message);
    }
    this.#at = offset + padded(stored);
    return {
      name,
      kind: isSparse ? 'sparse' : kind,
      offset: BigInt(offset),
      length: BigInt(stored),
      modifiedMs: header.modifiedSeconds * 1000,
    };
  }

  /** Behind a header of GNU's old sparse files there are blocks with more of its map. */
  async #skipSparseMap(header: TarHeader): Promise<void> {
    let hasMore = header.hasSparseMap;
    while (hasMore) {
      const block = await readStructure(this.#file, 'the map of a sparse file', this.#at, tarBlockBytes, this.#signal);
      this.#at += tarBlockBytes;
      hasMore = block[504] === 1;
    }
  }

  async #header(): Promise<TarHeader | undefined> {
    // Archives that were cut at a member's end have no end mark; tar itself accepts them.
    if (this.#at > 0 && this.#at >= this.#file.size) return undefined;
    const place = `the header at byte ${this.#at}`;
    const block = await readStructure(this.#file, place, this.#at, tarBlockBytes, this.#signal);
    if (block.every((byte) => byte === 0)) {
      if (this.#at === 0) throw damagedImage(place, 'it is empty');
      return undefined;
    }
    this.#at += tarBlockBytes;
    return decodeTarHeader(block, place);
  }

  async #records(header: TarHeader): Promise<ReadonlyMap<string, string>> {
    const start = this.#at;
    return decodePaxRecords(await this.#content(header), `the pax header at byte ${start}`);
  }

  async #content({ size }: TarHeader): Promise<Uint8Array> {
    const place = `the extension at byte ${this.#at}`;
    if (size > extensionBytesMax) throw damagedImage(place, `it has ${size} bytes`);
    const bytes = await readStructure(this.#file, place, this.#at, size, this.#signal);
    this.#at += padded(size);
    return bytes;
  }
}

/** Whether a file begins like a tar archive with the magic word of POSIX or GNU. */
export function looksLikeTar(start: Uint8Array): boolean {
  return start.length >= tarBlockBytes && readLatin1(start, 257, 5) === 'ustar';
}

function padded(length: number): number {
  return Math.ceil(length / tarBlockBytes) * tarBlockBytes;
}
