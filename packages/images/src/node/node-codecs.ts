/** Compression by Node's own zlib. */
import { constants, deflateRaw, inflateRaw } from 'node:zlib';
import type { Codecs } from '../codecs/codecs.ts';

/** What Node has for compression, in libuv's threads: several clusters at a time are inflated on several processors. */
export const nodeCodecs: Codecs = {
  inflateRaw: (source, target) =>
    new Promise((resolve, reject) => {
      // An image knows where a stream begins, and only roughly where it ends: what follows is not an error.
      const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: Math.max(1, target.length) };
      inflateRaw(source, options, (error, bytes) => {
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
      deflateRaw(source, level === undefined ? {} : { level }, (error, bytes) => {
        if (error === null) resolve(bytes);
        else reject(error);
      });
    }),
};
