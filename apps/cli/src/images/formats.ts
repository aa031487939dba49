/** The formats of images that the command line knows, and what names of files say about them. */
import type { ProbedFormat } from '@nbdjs/images/probe';

/** Formats of disks. */
const diskFormats = ['qcow2', 'vmdk', 'vhd', 'vhdx'] as const;
export type DiskFormat = (typeof diskFormats)[number];

/** What files are compressed with. */
const compressions = ['gzip', 'xz', 'zstd'] as const;
export type CompressionFormat = (typeof compressions)[number];

/** What `--format` takes. `raw`: the bytes as they are. */
export const givenFormats = ['raw', ...diskFormats, ...compressions] as const;
export type GivenFormat = (typeof givenFormats)[number];

/** By the last part of a name. What is not here, such as `.img`, says nothing. */
const byExtension: Readonly<Record<string, ProbedFormat>> = {
  raw: 'raw',
  qcow2: 'qcow2',
  qcow: 'qcow',
  vmdk: 'vmdk',
  vhd: 'vhd',
  vpc: 'vhd',
  avhd: 'vhd',
  vhdx: 'vhdx',
  avhdx: 'vhdx',
  vdi: 'vdi',
  gz: 'gzip',
  tgz: 'gzip',
  xz: 'xz',
  txz: 'xz',
  zst: 'zstd',
  zstd: 'zstd',
  tzst: 'zstd',
  tar: 'tar',
  ova: 'tar',
  iso: 'iso',
};

/** Other words for formats, QEMU's among them. */
const synonyms: Readonly<Record<string, GivenFormat>> = {
  vpc: 'vhd',
  gz: 'gzip',
  zst: 'zstd',
  file: 'raw',
  host_device: 'raw',
};

/** Returns the format that a name of a file says it has; `undefined` where it says none. */
export function formatOfName(name: string): ProbedFormat | undefined {
  const extension = extensionOf(name);
  return Object.hasOwn(byExtension, extension) ? byExtension[extension] : undefined;
}

/** Returns the name without what its compression has added. */
export function unpackedName(name: string): string {
  const short = /\.t(gz|xz|zst)$/i.exec(name);
  return short === null ? name.replace(/\.[^./]*$/, '') : `${name.slice(0, short.index)}.tar`;
}

/** Returns the format that a word stands for; `undefined` for one that is not known. */
export function formatOfWord(word: string): GivenFormat | undefined {
  const lower = word.toLowerCase();
  return givenFormats.find((one) => one === lower) ?? (Object.hasOwn(synonyms, lower) ? synonyms[lower] : undefined);
}

export function isDiskFormat(format: string): format is DiskFormat {
  return (diskFormats as readonly string[]).includes(format);
}

export function isCompression(format: string): format is CompressionFormat {
  return (compressions as readonly string[]).includes(format);
}

function extensionOf(name: string): string {
  return /\.([^./]*)$/.exec(name)?.[1]?.toLowerCase() ?? '';
}
