/** The other files that an image refers to: which may be opened, and how. The names come from the image, which may be hostile. */
import { realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, resolve, sep } from 'node:path';
import type { ImageDevice, ImageReference, ImageResolver } from '@nbdjs/images';
import { probeImage } from '@nbdjs/images/probe';
import type { BlockDevice } from '@nbdjs/interfaces';
import { argumentError } from '../errors/argument-error.ts';
import { systemReason } from '../errors/one-line.ts';
import { type Choice, chooseFormat } from './choose-format.ts';
import { type DiskFormat, formatOfWord } from './formats.ts';
import { naming, quoted } from './named-error.ts';
import type { ImageOpening, ImagePart } from './opening.ts';
import type { ReferencePolicy } from './options.ts';

/** An image whose references are opened. */
export interface ReferenceScope {
  /** For messages. */
  readonly name: string;
  /** The image's file, from which names in it begin; `undefined` for an image inside of another file. */
  readonly path: string | undefined;
  /** The disk is changed: its data file is, too, and what lies below is not. */
  readonly isWriting?: boolean | undefined;
  /** Which image below is changed, too. */
  readonly written?: WrittenBelow | undefined;
  /** More than its content says that it is an image. */
  readonly isStated: boolean;
  readonly policy: ReferencePolicy;
  /** The images that led here, this one included: what they are recognised by, and their names. */
  readonly chain: ReadonlyMap<string, string>;
  /** How many more files may be opened, by all images together. */
  readonly budget: { filesLeft: number };
  /** What is opened is added here, each image before those that it refers to. */
  readonly parts: ImagePart[];
  readonly openFile: ImageOpening['openFile'];
  readonly signal?: AbortSignal | undefined;
}

/** The image of a chain that is changed together with the one above it. */
export interface WrittenBelow {
  /** @param depth 2 for the image below the first one, and so on */
  readonly isWanted: (id: string, depth: number) => boolean;
  /** It was opened. Its device is closed with the image above it. */
  readonly onOpen: (below: { readonly device: BlockDevice; readonly path: string; readonly depth: number }) => void;
}

/** The longest chain of images. */
const chainMax = 64;
/** The most files that one image may consist of, with all images below it. */
export const filesMax = 1024;

const inWords: Readonly<Record<ImageReference['kind'], string>> = {
  backing: 'the image below it',
  data: 'its data file',
  extent: 'its extent',
};

/** Opens the disk in an image that another one refers to. */
export type DiskOpener = (file: BlockDevice, format: DiskFormat, scope: ReferenceScope) => Promise<ImageDevice>;

/** Makes the resolver of an image. */
export function resolverOf(scope: ReferenceScope, openDisk: DiskOpener): ImageResolver {
  return (reference) => openReference(reference, scope, openDisk);
}

/** Returns what a file is recognised by, whatever it is called. */
export async function identityOf(path: string): Promise<string> {
  const { dev, ino } = await stat(path);
  return `${dev}:${ino}`;
}

async function openReference(
  reference: ImageReference,
  scope: ReferenceScope,
  openDisk: DiskOpener,
): Promise<BlockDevice> {
  const refers = `${scope.name}: it refers to ${inWords[reference.kind]} ${quoted(reference.name)}`;
  const path = await allowedPath(reference, scope, refers);
  const id = await identityOf(path);
  if (scope.chain.has(id)) {
    const names = [...scope.chain.values(), path].join(' -> ');
    throw argumentError(`${scope.name}: the images refer to each other in a circle: ${names}`);
  }
  if (scope.chain.size >= chainMax) throw argumentError(`${refers}: a chain of more than ${chainMax} images`);
  if (--scope.budget.filesLeft < 0) throw argumentError(`${refers}: an image of more than ${filesMax} files`);
  const depth = scope.chain.size + 1;
  const isWritten = reference.kind === 'backing' && scope.written?.isWanted(id, depth) === true;
  const file = await scope.openFile(path, !(isWritten || (scope.isWriting === true && reference.kind === 'data')));
  try {
    const choice = reference.kind === 'backing' ? await choiceFor(reference, path, file, scope, refers) : rawChoice;
    if (choice.kind === 'raw') {
      scope.parts.push({ kind: reference.kind, name: path, format: 'raw' });
      if (isWritten) scope.written?.onOpen({ device: file, path, depth });
      return file;
    }
    if (choice.kind !== 'disk') throw argumentError(`${refers}: it is compressed or an archive; unpack it`);
    const { format, isStated } = choice;
    if (isWritten && format !== 'qcow2') throw argumentError(`${refers}: it is ${format}, which can only be read here`);
    // Before what it refers to itself.
    const place = scope.parts.length;
    const disk = await openDisk(file, format, {
      ...scope,
      name: path,
      path,
      isStated,
      isWriting: isWritten,
      chain: new Map([...scope.chain, [id, path]]),
    });
    if (isWritten) scope.written?.onOpen({ device: disk, path, depth });
    scope.parts.splice(place, 0, { kind: reference.kind, name: path, format, image: disk.image });
    return disk;
  } catch (error) {
    await file.close();
    throw error;
  }
}

const rawChoice: Choice = { kind: 'raw' };

async function choiceFor(
  { format }: ImageReference,
  path: string,
  file: BlockDevice & { readonly kind: string },
  { signal }: ReferenceScope,
  refers: string,
): Promise<Choice> {
  const given = format === undefined ? undefined : formatOfWord(format);
  if (format !== undefined && given === undefined) {
    throw argumentError(`${refers} of the format ${quoted(format)}, which cannot be read here`);
  }
  if (given === 'raw') return rawChoice;
  const content = file.kind === 'file' ? (await probeImage(file, { signal })).format : 'raw';
  return naming(refers, async () => chooseFormat({ name: path, content, given, isReading: true, isArchive: false }));
}

/** Returns the path of a reference, without symbolic links. @throws UsageError when it may not be opened. */
async function allowedPath({ name }: ImageReference, scope: ReferenceScope, refers: string): Promise<string> {
  const { policy } = scope;
  if (scope.path === undefined) throw argumentError(`${refers}, and an image inside of another file cannot`);
  if (!scope.isStated) {
    throw argumentError(
      `${refers}, which is opened only when more than its content says that it is an image (--format)`,
    );
  }
  if (policy === 'deny') throw argumentError(`${refers}, and --references is deny`);
  const folder = dirname(scope.path);
  const path = resolve(folder, localName(name, refers));
  const [real, allowed] = await Promise.all([
    realpath(path).catch((error: unknown) => {
      throw argumentError(`${refers}: ${systemReason(error)}`, { cause: error });
    }),
    policy === 'all' ? '/' : realpath(policy === 'folder' ? folder : policy.below),
  ]);
  if (isBelow(real, allowed)) return real;
  const where = isAbsolute(name) || real === path ? '' : ` (${real})`;
  throw argumentError(
    `${refers}${where}, which is not below ${allowed}; --references all or --references DIR allows it`,
  );
}

/** A name as a path of this system. @throws UsageError for what is no file. */
function localName(name: string, refers: string): string {
  const plain = /^(?:\.\\|[a-z]:\\|\\\\)/i.test(name) ? name.replace(/\\/g, '/') : name;
  const [, protocol, rest = ''] = /^([a-z][a-z0-9+.-]+):(.*)$/is.exec(plain) ?? [];
  if (protocol === undefined) return plain;
  if (protocol.toLowerCase() === 'file' && !rest.startsWith('//')) return rest;
  throw argumentError(`${refers}, which is not the name of a file`);
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}
