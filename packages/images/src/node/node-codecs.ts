/** Compression by Node's own zlib; what it lacks in older versions comes from WebAssembly. */
import * as zlib from 'node:zlib';
import type { Codecs } from '../codecs/codecs.ts';
import { unxzByWasm } from '../codecs/unxz.ts';
import { deflateRawWith } from './node-deflate.ts';
import { nodeZstd, unzstd } from './node-zstd.ts';
import { throughTransform } from './through-transform.ts';

/** An image knows where a stream begins, and only roughly where it ends: what follows is not an error. */
const mayEndEarly = { finishFlush: zlib.constants.Z_SYNC_FLUSH };

/** Fills `target` from the start of a deflate stream. */
async function inflateStart(source: Uint8Array, target: Uint8Array): Promise<void> {
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield source;
  }
  let filled = 0;
  for await (const chunk of throughTransform(whole(), zlib.createInflateRaw(mayEndEarly))) {
    const part = chunk.subarray(0, target.length - filled);
    target.set(part, filled);
    filled += part.length;
    if (filled === target.length) return;
  }
  throw endsEarly(filled, target.length);
}

function endsEarly(bytes: number, wanted: number): Error {
  return new Error(`the deflate stream ends after ${bytes} of ${wanted} bytes`);
}

/**
 * What Node has for compression, in libuv's threads: several clusters at a time are inflated on several processors. Zstandard is Node's own from 22.15 and
 * 23.8 on, and WebAssembly before that; xz is WebAssembly.
 */
export const nodeCodecs: Codecs = {
  inflateRaw: (source, target) =>
    new Promise((resolve, reject) => {
      const options = { ...mayEndEarly, maxOutputLength: Math.max(1, target.length) };
      zlib.inflateRaw(source, options, (error, bytes) => {
        if (error !== null) {
          // The stream has more than is wanted. That is rare, and takes a way that can stop in the middle.
          if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') reject(error);
          else inflateStart(source, target).then(resolve, reject);
        } else if (bytes.length < target.length) {
          reject(endsEarly(bytes.length, target.length));
        } else {
          target.set(bytes);
          resolve();
        }
      });
    }),
  deflateRaw: deflateRawWith({}),
  // More memory for the search makes up for some of the short window; it is what QEMU takes.
  deflateRaw4k: deflateRawWith({ windowBits: 12, memLevel: 9 }),
  zstdDecompress: nodeZstd.decompress,
  zstdCompress: nodeZstd.compress,
  gunzip: (source) => throughTransform(source, zlib.createGunzip()),
  unxz: unxzByWasm,
  unzstd,
};
