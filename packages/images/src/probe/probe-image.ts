/** What a device seems to hold, by its content. */
import type { Abortable, BlockDevice } from '@nbdjs/interfaces';
import { ImageFile } from '../device/image-file.ts';

/** What content looks like. */
export type ProbedFormat =
  | 'qcow2'
  | 'qcow'
  | 'vmdk'
  | 'vhd'
  | 'vhdx'
  | 'vdi'
  | 'luks'
  | 'gzip'
  | 'xz'
  | 'zstd'
  | 'iso'
  | 'tar'
  | 'raw';

/** What was found in a device. */
export interface ProbedImage {
  /** `raw` where nothing was recognised. */
  readonly format: ProbedFormat;
  /** The table of partitions that a raw disk begins with. */
  readonly partitions: 'gpt' | 'mbr' | undefined;
}

interface Signature {
  readonly format: ProbedFormat;
  /** Where it is, in bytes; from the end where it is negative. */
  readonly at: number;
  readonly bytes: readonly number[];
}

const ascii = (text: string): readonly number[] => [...text].map((one) => one.charCodeAt(0));

/** In the order in which they are looked for: formats that have a place at the start for others' bytes come late. */
const signatures: readonly Signature[] = [
  { format: 'qcow', at: 0, bytes: [...ascii('QFI'), 0xfb, 0, 0, 0, 1] },
  { format: 'qcow2', at: 0, bytes: [...ascii('QFI'), 0xfb, 0, 0, 0] },
  { format: 'vhdx', at: 0, bytes: ascii('vhdxfile') },
  { format: 'vhd', at: 0, bytes: ascii('conectix') },
  { format: 'vmdk', at: 0, bytes: ascii('KDMV') },
  { format: 'vmdk', at: 0, bytes: ascii('COWD') },
  { format: 'vmdk', at: 0, bytes: ascii('# Disk DescriptorFile') },
  { format: 'luks', at: 0, bytes: [...ascii('LUKS'), 0xba, 0xbe] },
  { format: 'gzip', at: 0, bytes: [0x1f, 0x8b, 8] },
  { format: 'xz', at: 0, bytes: [0xfd, ...ascii('7zXZ'), 0] },
  { format: 'zstd', at: 0, bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { format: 'vdi', at: 64, bytes: [0x7f, 0x10, 0xda, 0xbe] },
  { format: 'tar', at: 257, bytes: ascii('ustar') },
  { format: 'iso', at: 32_769, bytes: ascii('CD001') },
  { format: 'vhd', at: -512, bytes: ascii('conectix') },
];

/**
 * Looks at the first bytes of a device, and at its last sector. The result is a fact about the content and no more: a guest can write the header
 * of any format to its raw disk. Never open a device for writing, or files that an image names, because of it, unless the user says so
 * (CVE-2008-1945).
 *
 * @throws what reading throws.
 */
export async function probeImage(device: BlockDevice, options: Abortable = {}): Promise<ProbedImage> {
  const file = new ImageFile(device);
  const start = new Uint8Array(Math.min(file.size, 32_774));
  if (start.length > 0) await file.read(0, start, options.signal);
  const end = new Uint8Array(Math.min(file.size, 512));
  if (end.length === 512) await file.read(file.size - end.length, end, options.signal);
  const found = signatures.find(({ at, bytes }) =>
    at < 0 ? matches(end, 512 + at, bytes) : matches(start, at, bytes),
  );
  // An ISO that boots from a disk begins with a table of partitions, too.
  const partitions = found === undefined || found.format === 'iso' ? partitionsIn(start) : undefined;
  return { format: found?.format ?? 'raw', partitions };
}

function partitionsIn(start: Uint8Array): ProbedImage['partitions'] {
  if (matches(start, 512, ascii('EFI PART')) || matches(start, 4096, ascii('EFI PART'))) return 'gpt';
  if (!matches(start, 510, [0x55, 0xaa])) return undefined;
  const entries = [446, 462, 478, 494];
  // A boot sector of a file system ends with the same bytes; its code is no table: marks other than these, or no partition at all.
  const isTable = entries.every((at) => start[at] === 0 || start[at] === 0x80);
  if (!isTable || entries.every((at) => start[at + 4] === 0)) return undefined;
  return entries.some((at) => start[at + 4] === 0xee) ? 'gpt' : 'mbr';
}

function matches(content: Uint8Array, at: number, bytes: readonly number[]): boolean {
  return at >= 0 && bytes.every((byte, index) => content[at + index] === byte);
}
