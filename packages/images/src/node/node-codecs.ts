/** Compression by Node's own zlib; what it lacks in older versions comes from WebAssembly. */
import * as zlib from 'node:zlib';
import type { Codecs } from '../codecs/codecs.ts';
import { unxzByWasm } from '../codecs/unxz.ts';
import { nodeZstd, unzstd } from './node-zstd.ts';
import { throughTransform } from './through-transform.ts';

/**
 * What Node has for compression, in libuv's threads: several clusters at a time are inflated on several processors. Zstandard is Node's own from 22.15 and
 * 23.8 on, and WebAssembly before that; xz is WebAssembly.
 */
export const nodeCodecs: Codecs = {
  inflateRaw: (source, target) =>
    new Promise((resolve, reject) => {
      // An image knows where a stream begins, and only roughly where it ends: what follows is not an error.
      const options = { finishFlush: zlib.constants.Z_SYNC_FLUSH, maxOutputLength: Math.max(1, target.length) };
      zlib.inflateRaw(source, options, (error, bytes) => {
        if (error !== null) reject(error);
        else if (bytes.length < target.length) {
          reject(new Error(`the deflate stream ends after ${bytes.length} of ${target.length} bytes`));
        } else {
          target.set(bytes);
          resolve();
        }
      });
    }),
  deflateRaw: (source, level) =>
    new Promise((resolve, reject) => {
      zlib.deflateRaw(source, level === undefined ? {} : { level }, (error, bytes) => {
        if (error === null) resolve(bytes);
        else reject(error);
      });
    }),
  zstdDecompress: nodeZstd.decompress,
  zstdCompress: nodeZstd.compress,
  gunzip: (source) => throughTransform(source, zlib.createGunzip()),
  unxz: unxzByWasm,
  unzstd,
};
