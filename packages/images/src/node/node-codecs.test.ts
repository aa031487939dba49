import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { webCodecs } from '../codecs/index.ts';
import { nodeCodecs } from './node-codecs.ts';

/** Bytes that do not repeat, and compress all the same. */
const content = Uint8Array.from({ length: 300_000 }, (_, index) => (index * index) % 97);
const packed = deflateRawSync(content);

describe.each([
  ['nodeCodecs', nodeCodecs],
  ['webCodecs', webCodecs],
])('inflateRaw of %s', (_, { inflateRaw }) => {
  it.each([1, 100, 65_536, 299_999, 300_000])(
    'fills a target of %i bytes, and ignores the rest of the stream',
    async (length) => {
      const target = new Uint8Array(length);
      await inflateRaw(packed, target);
      expect(Buffer.compare(target, content.subarray(0, length))).toBe(0);
    },
  );

  it('ignores what follows the stream', async () => {
    const target = new Uint8Array(content.length);
    await inflateRaw(Buffer.concat([packed, Buffer.alloc(1000, 0xa5)]), target);
    expect(Buffer.compare(target, content)).toBe(0);
  });

  it('fails where the stream ends too early, or is damaged', async () => {
    await expect(async () => inflateRaw(packed, new Uint8Array(content.length + 1))).rejects.toThrow();
    await expect(async () => inflateRaw(packed.subarray(0, 100), new Uint8Array(content.length))).rejects.toThrow();
    await expect(async () => inflateRaw(new Uint8Array(100).fill(0xff), new Uint8Array(10))).rejects.toThrow();
  });
});
