/** Compression without Node, for pages and workers: by libraries in JavaScript and WebAssembly, each of which is loaded on first use. */
import type { Codecs } from './codecs.ts';
import { unxzByWasm } from './unxz.ts';
import { zstdFramesFor } from './zstd-frames.ts';

/**
 * Codecs that run anywhere: deflate and gzip by fflate, Zstandard by fzstd (it does not compress), xz by xz-decompress. In Node, `nodeCodecs` of
 * `@nbdjs/images/node` are several times as fast.
 */
export const webCodecs: Codecs = {
  async inflateRaw(source, target) {
    const { inflateSync } = await import('fflate');
    const bytes = inflateSync(source, { out: target });
    if (bytes.length < target.length) {
      throw new Error(`the deflate stream ends after ${bytes.length} of ${target.length} bytes`);
    }
  },
  async deflateRaw(source, level) {
    const { deflateSync } = await import('fflate');
    return deflateSync(source, level === undefined ? {} : { level: fflateLevel(level) });
  },
  async zstdDecompress(source, target) {
    const { decompress } = await import('fzstd');
    let filled = 0;
    for (const { at, end } of zstdFramesFor(source, target.length)) {
      const bytes = decompress(source.subarray(at, end));
      target.set(bytes.subarray(0, target.length - filled), filled);
      filled += bytes.length;
    }
    if (filled < target.length) throw new Error(`the frames end after ${filled} of ${target.length} bytes`);
  },
  gunzip: (source) => gunzip(source),
  unxz: unxzByWasm,
  unzstd: (source) => unzstdByScript(source),
};

type Level = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;

function fflateLevel(level: number): Level {
  return Math.min(9, Math.max(0, Math.round(level))) as Level;
}

async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { Gunzip } = await import('fflate');
  const ready: Uint8Array[] = [];
  let isAtEnd = false;
  const stream = new Gunzip((chunk, isFinal) => {
    if (chunk.length > 0) ready.push(chunk);
    isAtEnd = isFinal;
  });
  for await (const piece of source) {
    stream.push(piece);
    yield* ready.splice(0);
  }
  stream.push(new Uint8Array(0), true);
  yield* ready.splice(0);
  if (!isAtEnd) throw new Error('the gzip stream is cut off');
}

/** Decompresses Zstandard as a stream, in JavaScript: for runtimes that cannot do it by themselves. */
export async function* unzstdByScript(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { Decompress } = await import('fzstd');
  const ready: Uint8Array[] = [];
  // Its chunks are views of a window that is used again.
  const stream = new Decompress((chunk) => void ready.push(chunk.slice()));
  for await (const piece of source) {
    // It may come in large pieces, which would all be unpacked at once.
    for (let at = 0; at < piece.length; at += 65_536) {
      stream.push(piece.subarray(at, at + 65_536));
      yield* ready.splice(0);
    }
  }
  stream.push(new Uint8Array(0), true);
  yield* ready.splice(0);
}
