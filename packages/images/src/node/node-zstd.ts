/** Zstandard in Node: its own, or WebAssembly in versions that do not have it. */
import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import type { Deflate, Inflate, Unpack } from '../codecs/codecs.ts';
import { unzstdByScript } from '../codecs/web-codecs.ts';
import { zstdFramesFor } from '../codecs/zstd-frames.ts';
import { throughTransform } from './through-transform.ts';

type Callback = (error: Error | null, bytes: Uint8Array) => void;

/** What Node has since 22.15 and 23.8; the types that we compile with do not know it. */
interface ZstdOfNode {
  readonly zstdDecompress?: (source: Uint8Array, options: object, callback: Callback) => void;
  readonly zstdCompress?: (source: Uint8Array, options: object, callback: Callback) => void;
  readonly createZstdDecompress?: () => Transform;
  readonly constants: { readonly ZSTD_c_compressionLevel?: number };
}

const native = zlib as unknown as ZstdOfNode;

/** Whether Node compresses by itself, in its own threads. */
export const isZstdNative = native.zstdCompress !== undefined;

interface ZstdOfWasm {
  init(): Promise<void>;
  createCCtx(): number;
  compressUsingDict(context: number, source: Uint8Array, dictionary: Uint8Array, level?: number): Uint8Array;
  decompress(source: Uint8Array, options: { readonly defaultHeapSize: number }): Uint8Array;
}

interface LoadedZstd extends Pick<ZstdOfWasm, 'decompress'> {
  compress(source: Uint8Array, level: number): Uint8Array;
}

let loading: Promise<LoadedZstd> | undefined;

const noDictionary = new Uint8Array(0);

function loadWasm(): Promise<LoadedZstd> {
  loading ??= (async () => {
    const module = (await import('@bokuweb/zstd-wasm')) as ZstdOfWasm & { readonly default?: ZstdOfWasm };
    const wasm = module.default ?? module;
    await wasm.init();
    // One context for all: its plain function makes one for each call, which is a fifth of the time of 64 KiB.
    const context = wasm.createCCtx();
    return {
      decompress: (source, options) => wasm.decompress(source, options),
      compress: (source, level) => wasm.compressUsingDict(context, source, noDictionary, level),
    };
  })();
  return loading;
}

/** The level that zstd itself has where none is given. */
const usualLevel = 3;

async function decompressFrame(frame: Uint8Array, bytesMax: number): Promise<Uint8Array> {
  const { zstdDecompress } = native;
  if (zstdDecompress === undefined)
    return (await loadWasm()).decompress(frame, { defaultHeapSize: Math.max(1, bytesMax) });
  return new Promise((resolve, reject) => {
    zstdDecompress(frame, { maxOutputLength: Math.max(1, bytesMax) }, (error, bytes) => {
      if (error === null) resolve(bytes);
      else reject(error);
    });
  });
}

const decompress: Inflate = async (source, target) => {
  let filled = 0;
  // Only whole frames are given away: what follows them would be an error to both.
  for (const { at, end, contentBytes } of zstdFramesFor(source, target.length)) {
    if (contentBytes !== undefined && contentBytes > target.length - filled) {
      throw new Error(`a frame has ${contentBytes} bytes, expected ${target.length - filled} or fewer`);
    }
    const bytes = await decompressFrame(source.subarray(at, end), target.length - filled);
    target.set(bytes.subarray(0, target.length - filled), filled);
    filled += bytes.length;
  }
  if (filled < target.length) throw new Error(`the frames end after ${filled} of ${target.length} bytes`);
};

const compress: Deflate = async (source, level = usualLevel) => {
  const { zstdCompress, constants } = native;
  if (zstdCompress === undefined) return (await loadWasm()).compress(source, level);
  const params = constants.ZSTD_c_compressionLevel === undefined ? {} : { [constants.ZSTD_c_compressionLevel]: level };
  return new Promise((resolve, reject) => {
    // The frame says how long its content is only if that is pledged; readers use it to find their way.
    zstdCompress(source, { params, pledgedSrcSize: source.length }, (error, bytes) => {
      if (error === null) resolve(bytes);
      else reject(error);
    });
  });
};

/** Whole frames at a time. */
export const nodeZstd = { compress, decompress } as const;

/** As a stream. */
export const unzstd: Unpack = (source) => {
  const { createZstdDecompress } = native;
  return createZstdDecompress === undefined ? unzstdByScript(source) : throughTransform(source, createZstdDecompress());
};
