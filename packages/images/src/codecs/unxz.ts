/** xz by WebAssembly: the same in Node and in pages, and nearly as fast as native code. */
import type { Unpack } from './codecs.ts';

/** Streams of the web, as far as they are needed here: packages without Node and without a page have no types for them. */
interface ByteStream {
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
    cancel(): Promise<void>;
  };
}

interface ByteStreamSource {
  pull(controller: { close(): void; enqueue(chunk: Uint8Array): void }): Promise<void>;
  cancel(): Promise<void>;
}

interface StreamRuntime {
  readonly ReadableStream: new (source: ByteStreamSource) => ByteStream;
}

interface XzModule {
  readonly XzReadableStream: new (source: ByteStream) => ByteStream;
}

/** Decompresses streams of xz: LZMA2 with dictionaries up to 64 MiB, checked by CRC-32, CRC-64 or not at all. */
export const unxzByWasm: Unpack = (source) => unxz(source);

async function* unxz(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  // A module of CommonJS: what it exports is its default in Node, and the module itself where bundlers have joined it.
  const module = (await import('xz-decompress')) as unknown as XzModule & { readonly default?: XzModule };
  const { XzReadableStream } = module.default ?? module;
  const iterator = source[Symbol.asyncIterator]();
  const { ReadableStream } = globalThis as unknown as StreamRuntime;
  const packed = new ReadableStream({
    async pull(controller) {
      const next = await iterator.next();
      if (next.done === true) controller.close();
      // It keeps the chunk beyond this call, and the source may use its memory again.
      else controller.enqueue(next.value.slice());
    },
    async cancel() {
      await iterator.return?.();
    },
  });
  const reader = new XzReadableStream(packed).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || value === undefined) return;
      if (value.length > 0) yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
    await iterator.return?.();
  }
}
