/** Making raw deflate streams in Node. */
import * as zlib from 'node:zlib';
import type { Deflate } from '../codecs/codecs.ts';

/** Makes streams with these options. */
export function deflateRawWith(options: zlib.ZlibOptions): Deflate {
  return (source, level) =>
    new Promise((resolve, reject) => {
      zlib.deflateRaw(source, level === undefined ? options : { ...options, level }, (error, bytes) => {
        if (error === null) resolve(bytes);
        else reject(error);
      });
    });
}
