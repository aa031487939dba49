/** In which format a file is opened (decision 46). A guest can write what it likes into its disk, but it cannot name the file. */
import type { ProbedFormat } from '@nbdjs/images/probe';
import { argumentError } from '../errors/argument-error.ts';
import {
  type CompressionFormat,
  type DiskFormat,
  formatOfName,
  type GivenFormat,
  isCompression,
  isDiskFormat,
} from './formats.ts';

/** What is known of a file before it is opened as anything. */
export interface Candidate {
  /** For messages, and for what its end says. */
  readonly name: string;
  /** What its content looks like. */
  readonly content: ProbedFormat;
  /** What `--format`, or the image that refers to it, says. */
  readonly given: GivenFormat | undefined;
  /** Nothing will be written. */
  readonly isReading: boolean;
  /** A member of it is wanted, so that it has to be an archive. */
  readonly isArchive: boolean;
}

export type Choice =
  /** The bytes as they are. */
  | { readonly kind: 'raw'; readonly warning?: string | undefined }
  /** `isStated`: more than the content says so, and other files that it names may be opened. */
  | {
      readonly kind: 'disk';
      readonly format: DiskFormat;
      readonly isStated: boolean;
      readonly warning?: string | undefined;
    }
  | { readonly kind: 'compressed'; readonly format: CompressionFormat }
  | { readonly kind: 'archive'; readonly format: 'tar' | 'iso' };

/** Formats of disks that have no reader here. */
const foreign: Readonly<Partial<Record<ProbedFormat, string>>> = { qcow: 'qcow version 1', vdi: 'VDI' };

/**
 * Chooses the format. What is given counts. Otherwise the name has to say the same as the content; where it says nothing, the content alone is
 * believed for reading only, and such an image may not refer to other files.
 *
 * @throws UsageError where name and content contradict each other, or there is no reader.
 */
export function chooseFormat(candidate: Candidate): Choice {
  const { name, content, given } = candidate;
  const stated = formatOfName(name);
  const isPacked = stated === content && isCompression(content);
  if (given === 'raw') return { kind: 'raw' };
  if (given !== undefined) {
    if (isCompression(given)) return { kind: 'compressed', format: given };
    return isPacked ? { kind: 'compressed', format: content } : { kind: 'disk', format: given, isStated: true };
  }
  if (content === 'tar' || content === 'iso') return archive(candidate, content);
  if (stated === undefined) return byContent(candidate);
  if (stated === content) return byBoth(name, content);
  // Names of archives are for programs of their own: what they name may be anything.
  if (stated === 'raw' || stated === 'tar' || stated === 'iso') return { kind: 'raw' };
  const found = content === 'raw' ? 'no image' : content;
  throw argumentError(`${name}: its name says ${stated}, and its content is ${found}; --format says what it is`);
}

/** An archive is a disk only to a drive for it: without a member it is taken as it is. */
function archive({ name, isArchive }: Candidate, format: 'tar' | 'iso'): Choice {
  if (isArchive) return { kind: 'archive', format };
  const members = `${name}#MEMBER is a file in it, and 'nbd info ${name}' lists them`;
  return format === 'iso'
    ? { kind: 'raw' }
    : { kind: 'raw', warning: `${name}: an archive, taken as it is; ${members}` };
}

function byBoth(name: string, format: ProbedFormat): Choice {
  if (isDiskFormat(format)) return { kind: 'disk', format, isStated: true };
  if (isCompression(format)) return { kind: 'compressed', format };
  const word = foreign[format];
  if (word === undefined) return { kind: 'raw' };
  throw argumentError(
    `${name}: images of ${word} cannot be read here; convert it by qemu-img, or say --format raw to take it as it is`,
  );
}

function byContent({ name, content, isReading }: Candidate): Choice {
  if (isDiskFormat(content) && isReading) {
    const warning = `${name}: read as ${content}, by its content alone; --format ${content} says that this is right, --format raw takes the bytes as they are`;
    return { kind: 'disk', format: content, isStated: false, warning };
  }
  const looks = isDiskFormat(content) ? content : foreign[content];
  if (looks === undefined) return { kind: 'raw' };
  const instead = isDiskFormat(content)
    ? `; --format ${content} opens the image, --format raw says that this is right`
    : '';
  return { kind: 'raw', warning: `${name}: taken as the bytes it has, although it looks like ${looks}${instead}` };
}
