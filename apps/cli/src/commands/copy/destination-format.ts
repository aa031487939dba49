/** In which format `nbd copy` writes its destination. */
import { argumentError } from '../../errors/argument-error.ts';
import { formatOfName, formatOfWord } from '../../images/formats.ts';
import type { Operand } from '../../options/operand.ts';
import { descriptorOf } from './byte-streams.ts';

/** Formats that are written from their start to their end. */
const streamFormats = ['vmdk', 'vhd'] as const;
export type StreamFormat = (typeof streamFormats)[number];

/** Formats that are written; `changes` is what a backup adds to the one before. */
export const destinationFormats = ['raw', 'qcow2', ...streamFormats, 'changes'] as const;
export type DestinationFormat = (typeof destinationFormats)[number];

/** All of them but raw. */
export type ImageFormat = Exclude<DestinationFormat, 'raw'>;

/** Parses `--destination-format`. */
export function parseDestinationFormat(word: string): DestinationFormat {
  const format = destinationFormats.find((one) => one === (formatOfWord(word) ?? word.toLowerCase()));
  if (format !== undefined) return format;
  throw argumentError(
    `--destination-format: '${word}' cannot be written, expected one of ${destinationFormats.join(', ')}`,
  );
}

/**
 * Returns the format of a destination: what is given, or what the name of a file says. Servers, block devices and descriptors are
 * raw.
 *
 * @throws UsageError for a name of a format that cannot be written, and for a server that is to have a format.
 */
export function destinationFormat(destination: Operand, given: DestinationFormat | undefined): DestinationFormat {
  if (destination.type === 'stdio') {
    if (given !== 'qcow2') return given ?? 'raw';
    throw argumentError('--destination-format qcow2: its header is written last, so it has to be a file');
  }
  if (destination.type !== 'file') {
    if (given === undefined || given === 'raw') return 'raw';
    throw argumentError(`--destination-format ${given}: only a file or standard output can have a format`);
  }
  const { path } = destination;
  if (given !== undefined) return given;
  if (descriptorOf(path) !== undefined || path.startsWith('/dev/')) return 'raw';
  if (/\.changes$/i.test(path)) return 'changes';
  const stated = formatOfName(path) ?? 'raw';
  if (stated === 'iso' || stated === 'tar') return 'raw';
  const format = destinationFormats.find((one) => one === stated);
  if (format !== undefined) return format;
  throw argumentError(
    `${path}: ${stated} cannot be written here; --destination-format raw writes the bytes of the disk to a file of that name`,
  );
}
