/** Opening a compressed file as the disk that it has. */
import { type Abortable, type BlockDevice, isNbdError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import type { Codecs } from '../codecs/codecs.ts';
import { ImageFile, readStructure } from '../device/image-file.ts';
import { MappedDevice } from '../device/mapped-device.ts';
import { codecsOption, noFacts } from '../device/opening.ts';
import { DeviceMap } from '../device/parent-map.ts';
import { damagedImage, unsupportedImage } from '../image-errors.ts';
import type { ImageDevice, ImageFacts } from '../image-facts.ts';
import { type Piece, type PieceList, PieceMap } from './pieces.ts';
import { fileChunks, spool, unpackError } from './spool.ts';
import { readXzBlocks, requireKnownFilters, streamOfBlock, type XzBlocks } from './xz.ts';
import { readZstdFrames } from './zstd.ts';

/** Makes a place for the content of a compressed file. */
export type StoreMaker = () => BlockDevice | Promise<BlockDevice>;

export const compressedOptions = defineOptions({
  /** How it is decompressed. @default none: images with compressed parts are refused */
  codecs: codecsOption,
  /**
   * Makes a device, all zero, that the content is decompressed into where the file cannot be read in pieces. Its size is the most that the
   * content may have, so that it had better be sparse. It belongs to the opened device. @default such files are refused
   */
  store: option.callback<StoreMaker>({
    defaultText: 'such files are refused',
    doc: 'Makes a device, all zero, that the content is decompressed into where the file cannot be read in pieces. Its size is the most that the content may have, so that it had better be sparse. It belongs to the opened device.',
  }),
  /** How much of the content is kept in memory, in bytes; and the longest piece that is decompressed in memory. @default 64 MiB */
  cacheBytes: option.bytes({
    default: 64 * 2 ** 20,
    least: 65_536,
    doc: 'How much of the content is kept in memory; and the longest piece that is decompressed in memory.',
  }),
  /** Ends the opening when it is aborted. */
  signal: option.signal({ doc: 'Ends the opening when it is aborted.' }),
});

/** How a compressed file is opened. */
export interface CompressedOptions extends Partial<OptionsOf<typeof compressedOptions>>, Abortable {}

type Settings = ReturnType<typeof compressedOptions.resolve>;

/** What files are compressed with. */
export type Compression = 'gzip' | 'xz' | 'zstd';

/** The longest of the magic words. */
const magicBytes = 6;

/** Returns what a file that begins with these bytes is compressed with; `undefined` when it is not. */
export function detectCompression(start: Uint8Array): Compression | undefined {
  const begins = (...bytes: readonly number[]): boolean => bytes.every((byte, index) => start[index] === byte);
  if (begins(0x1f, 0x8b, 8)) return 'gzip';
  if (begins(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0)) return 'xz';
  const isSkippable = ((start[0] ?? 0) & 0xf0) === 0x50 && start[1] === 0x2a && start[2] === 0x4d && start[3] === 0x18;
  return begins(0x28, 0xb5, 0x2f, 0xfd) || isSkippable ? 'zstd' : undefined;
}

/**
 * Opens a file that was compressed with gzip, xz or Zstandard, as its content, for reading. An xz file of several blocks (`xz --block-size`, and
 * `xz -T0`) and a Zstandard file of several frames, with a seek table or without, are read in pieces as they are asked for. Others are
 * decompressed into `store` at once, before this returns.
 *
 * Closing the device closes `file` and the store. When opening fails, `file` stays open.
 *
 * @throws UsageError `ERR_NBD_IMAGE` when it is damaged, or not compressed; `ERR_NBD_NOT_SUPPORTED` for what cannot be decompressed here, needs
 *   a store and has none, or has more content than the store has room for; CommandError `EIO` when decompressing fails.
 */
export async function openCompressed(file: BlockDevice, options: CompressedOptions = {}): Promise<ImageDevice> {
  const settings = compressedOptions.resolve('openCompressed', options);
  const packed = new ImageFile(file);
  const start = await readStructure(packed, 'the file', 0, Math.min(magicBytes, packed.size), settings.signal);
  switch (detectCompression(start)) {
    case 'gzip':
      return openGzip(packed, settings);
    case 'xz':
      return openXz(packed, settings);
    case 'zstd':
      return openZstd(packed, settings);
    default:
      throw damagedImage('the start of the file', 'it is compressed with neither gzip, xz nor zstd');
  }
}

function openGzip(file: ImageFile, settings: Settings): Promise<ImageDevice> {
  const gunzip = requireCodec(settings.codecs, 'gunzip', 'gzip');
  const content = gunzip(fileChunks(file, 0, file.size, settings.signal));
  return openSpooled(file, content, factsOf('gzip', 'stream', file, {}), settings);
}

async function openXz(file: ImageFile, settings: Settings): Promise<ImageDevice> {
  requireCodec(settings.codecs, 'unxz', 'xz');
  const blocks = await readXzBlocks(file, settings.signal);
  const { pieces } = blocks;
  const details = { blocks: pieces.count, streams: blocks.streams, 'longest block bytes': pieces.longestBytes };
  if (pieces.longestBytes <= settings.cacheBytes) {
    const unpack = (piece: Piece): Promise<Uint8Array> => gather(unxzBlock(file, blocks, piece, settings), piece);
    return openPieces(file, pieces, unpack, factsOf('xz', 'blocks', file, details), settings);
  }
  const content = eachPiece(pieces, (piece) => unxzBlock(file, blocks, piece, settings));
  return openSpooled(file, content, factsOf('xz', 'stream', file, details), settings);
}

async function openZstd(file: ImageFile, settings: Settings): Promise<ImageDevice> {
  const unzstd = requireCodec(settings.codecs, 'unzstd', 'zstd');
  const { pieces, hasSeekTable } = await readZstdFrames(file, settings.signal);
  const details = { ...(pieces && { frames: pieces.count }), 'seek table': hasSeekTable };
  if (pieces !== undefined && pieces.longestBytes <= settings.cacheBytes) {
    const unpack = (piece: Piece): Promise<Uint8Array> => unzstdFrame(file, piece, settings);
    return openPieces(file, pieces, unpack, factsOf('zstd', 'frames', file, details), settings);
  }
  const content = unzstd(fileChunks(file, 0, file.size, settings.signal));
  return openSpooled(file, content, factsOf('zstd', 'stream', file, details), settings);
}

function openPieces(
  file: ImageFile,
  pieces: PieceList,
  unpack: (piece: Piece) => Promise<Uint8Array>,
  image: ImageFacts,
  { cacheBytes }: Settings,
): ImageDevice {
  const load = async (piece: Piece): Promise<Uint8Array> => {
    const place = `the piece at byte ${piece.at}`;
    requirePlausible(piece, place);
    try {
      return await unpack(piece);
    } catch (error) {
      throw isNbdError(error) ? error : unpackError(place, error);
    }
  };
  return new MappedDevice({
    map: new PieceMap(pieces, load, cacheBytes),
    image: { ...image, virtualBytes: BigInt(pieces.contentBytes), clusterBytes: pieces.longestBytes },
    preferredBytes: Math.max(1, pieces.longestBytes),
    owned: [file.device],
  });
}

/** No codec makes its input much longer: a piece that is says something else about its content than is true. */
function requirePlausible({ at, end, contentBytes }: Piece, place: string): void {
  if (end - at <= contentBytes + contentBytes / 8 + 65_536) return;
  throw unpackError(place, `it has ${end - at} bytes for a content of ${contentBytes}`);
}

async function openSpooled(
  file: ImageFile,
  content: AsyncIterable<Uint8Array>,
  image: ImageFacts,
  { store: makeStore, signal }: Settings,
): Promise<ImageDevice> {
  if (makeStore === undefined) {
    const message = `a ${image.format} file that can be read from its start only, and no option 'store' has room for its content`;
    throw unsupportedImage(message);
  }
  const store = await makeStore();
  try {
    const bytes = await spool(content, store, signal);
    return new MappedDevice({
      map: new DeviceMap(store),
      image: { ...image, virtualBytes: BigInt(bytes) },
      preferredBytes: 65_536,
      owned: [file.device, store],
    });
  } catch (error) {
    // The failure of the opening is what counts; one of closing would hide it.
    await store.close().catch(() => {});
    throw error;
  }
}

async function* eachPiece(
  pieces: PieceList,
  unpack: (piece: Piece) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (const piece of pieces.each()) {
    let bytes = 0;
    for await (const chunk of unpack(piece)) {
      bytes += chunk.length;
      yield chunk;
    }
    requireLength(piece, bytes);
  }
}

/** A block by itself, as a stream of its own. */
async function* unxzBlock(
  file: ImageFile,
  { checks, unpaddedBytes }: XzBlocks,
  { index, at, end, contentBytes }: Piece,
  { codecs, signal }: Settings,
): AsyncGenerator<Uint8Array> {
  const unxz = requireCodec(codecs, 'unxz', 'xz');
  const place = `the block at byte ${at}`;
  const header = await readStructure(file, place, at, Math.min(1024, end - at), signal);
  requireKnownFilters(header, place);
  const [before, after] = streamOfBlock(checks[index] ?? 0, unpaddedBytes[index] ?? 0, contentBytes);
  async function* stream(): AsyncGenerator<Uint8Array> {
    yield before;
    yield* fileChunks(file, at, end, signal);
    yield after;
  }
  yield* unxz(stream());
}

async function gather(content: AsyncIterable<Uint8Array>, piece: Piece): Promise<Uint8Array> {
  const bytes = new Uint8Array(piece.contentBytes);
  let filled = 0;
  for await (const chunk of content) {
    requireLength(piece, Math.max(piece.contentBytes, filled + chunk.length));
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  requireLength(piece, filled);
  return bytes;
}

function requireLength({ at, contentBytes }: Piece, bytes: number): void {
  if (bytes === contentBytes) return;
  throw unpackError(`the block at byte ${at}`, `its content has ${bytes} bytes, expected ${contentBytes}`);
}

async function unzstdFrame(
  file: ImageFile,
  { at, end, contentBytes }: Piece,
  { codecs, signal }: Settings,
): Promise<Uint8Array> {
  const decompress = requireCodec(codecs, 'zstdDecompress', 'zstd');
  const packed = await readStructure(file, `the frame at byte ${at}`, at, end - at, signal);
  const bytes = new Uint8Array(contentBytes);
  await decompress(packed, bytes);
  return bytes;
}

function requireCodec<Name extends keyof Codecs>(
  codecs: Codecs | undefined,
  name: Name,
  format: string,
): NonNullable<Codecs[Name]> {
  const codec = codecs?.[name];
  if (codec !== undefined && codec !== null) return codec as NonNullable<Codecs[Name]>;
  const why = codecs === undefined ? "no option 'codecs' is given" : `the codecs have no '${name}'`;
  throw unsupportedImage(`a file that is compressed with ${format}, and ${why}`);
}

function factsOf(
  format: Compression,
  version: string,
  file: ImageFile,
  details: Readonly<Record<string, number | boolean>>,
): ImageFacts {
  return {
    ...noFacts,
    format,
    version,
    virtualBytes: 0n,
    compression: format,
    details: { 'packed bytes': file.size, ...details },
  };
}
