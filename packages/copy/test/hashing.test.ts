/** Hashes of devices, and block hashes as nbdcopy makes them. */
import { createHash } from 'node:crypto';
import { seededRandom } from '@nbdjs/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashBlocks, hashDevice } from '../src/index.ts';
import { ScriptedDevice } from './scripted-device.ts';

const hex = (digest: Uint8Array): string => Buffer.from(digest).toString('hex');
const sha256 = () => createHash('sha256');

function contentOf(size: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  const content = new Uint8Array(size);
  for (let at = 0; at < size; at += Math.floor(random() ** 3 * 200_000) + 1) {
    content.fill(random() < 0.5 ? 0 : 1 + Math.floor(random() * 255), at, at + Math.floor(random() * 100_000));
  }
  return content;
}

/** The definition, block by block. */
function blockHashOf(content: Uint8Array, blockSize: number, algorithm: string): string {
  const whole = createHash(algorithm);
  for (let at = 0; at < content.length; at += blockSize) {
    whole.update(
      createHash(algorithm)
        .update(content.subarray(at, at + blockSize))
        .digest(),
    );
  }
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(content.length));
  return whole.update(size).digest('hex');
}

it('both hashes are those of the whole content, for any device', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        size: fc.oneof(fc.constantFrom(0, 1, 65_536, 65_537, 131_072), fc.integer({ min: 0, max: 700_000 })),
        seed: fc.integer(),
        turns: fc.integer({ min: 0, max: 4 }),
        extents: fc.boolean(),
        blockSize: fc.constantFrom(512, 4096, 65_536, 262_144, 2 ** 20),
        requestSize: fc.constantFrom(4096, 65_536, 262_144),
        isThreaded: fc.boolean(),
      }),
      async ({ size, seed, turns, extents, blockSize, requestSize, isThreaded }) => {
        const content = contentOf(size, seed);
        const random = seededRandom(seed);
        const device = new ScriptedDevice({ size, content, turns: () => Math.floor(random() * (turns + 1)) });
        const plain = await hashDevice(device, sha256, { extents, requestSize });
        expect(hex(plain.digest)).toBe(createHash('sha256').update(content).digest('hex'));
        const digestBlock = isThreaded
          ? async (block: Uint8Array) => {
              const digest = sha256().update(block).digest();
              await new Promise((resolve) => setImmediate(resolve));
              return digest;
            }
          : undefined;
        const blocks = await hashBlocks(device, sha256, { extents, requestSize, blockSize, digestBlock });
        expect(hex(blocks.digest)).toBe(blockHashOf(content, blockSize, 'sha256'));
        expect(blocks.totalBytes).toBe(BigInt(size));
        expect(device.inFlight).toBe(0);
      },
    ),
    { numRuns: 80 },
  );
});

describe('hashBlocks', () => {
  const pattern = (size: number): Uint8Array =>
    Uint8Array.from({ length: size }, (_, at) => (at * 31 + Math.floor(at / 251)) & 255);

  // Printed by nbdcopy 1.24.4 --blkhash.
  it.each([
    ['sha256', 65_536, pattern(4 * 65_536), 'b42b47d17170f9b709eda8d4bf54e66cbffd4dc79696113a741fb34becf0efef'],
    ['sha256', 65_536, pattern(4 * 65_536 + 1000), '3afed7ab0763f98e4448b8a6574638698f99ccb54beb8d1e32efcc1d83e43b4b'],
    ['md5', 4096, pattern(4 * 65_536 + 1000), 'a67d8e6f7eb8350e6c81c411a76ad568'],
    ['sha1', 65_536, new Uint8Array(3 * 65_536), '3e6293575a3499c34134f5b80ab664593fb273d0'],
    ['sha256', 65_536, new Uint8Array(0), 'af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc'],
    ['sha256', 65_536, new Uint8Array(1), '3aa275143d0713bc404144a02208ea1ea840d565fa0c19af486cc65b0a10a267'],
  ])('gives what nbdcopy gives (%s of blocks of %i)', async (algorithm, blockSize, content, expected) => {
    const device = new ScriptedDevice({ size: content.length, content });
    const { digest } = await hashBlocks(device, () => createHash(algorithm), { blockSize });
    expect(hex(digest)).toBe(expected);
  });

  it('does not read holes, and goes over terabytes of them quickly', async () => {
    const size = 2 ** 42;
    const device = new ScriptedDevice({ size: 0 });
    const sparse = Object.assign(Object.create(device) as ScriptedDevice, {
      geometry: { ...device.geometry, size: BigInt(size) },
      blockStatus: (offset: bigint, length: bigint) => [
        { context: 'base:allocation', extents: [{ offset: BigInt(offset), length: BigInt(length), status: 3n }] },
      ],
    });
    const { readBytes, digest } = await hashBlocks(sparse, sha256, { blockSize: 2 ** 20 });
    expect(readBytes).toBe(0n);
    const zero = sha256()
      .update(new Uint8Array(2 ** 20))
      .digest();
    const whole = sha256();
    for (let block = 0; block < size / 2 ** 20; block++) whole.update(zero);
    const end = Buffer.alloc(8);
    end.writeBigUInt64LE(BigInt(size));
    expect(hex(digest)).toBe(whole.update(end).digest('hex'));
  });

  it('stops at the first error of the device, of a hash, and when it is aborted', async () => {
    const content = new Uint8Array(2_000_000).fill(1);
    const make = (fail?: { command: string; index: number }): ScriptedDevice =>
      new ScriptedDevice({ size: content.length, content, turns: () => 1, fail });
    await expect(hashBlocks(make({ command: 'read', index: 3 }), sha256)).rejects.toMatchObject({ code: 'EIO' });
    await expect(hashDevice(make({ command: 'read', index: 3 }), sha256)).rejects.toMatchObject({ code: 'EIO' });
    const digestBlock = () => Promise.reject(new Error('no such algorithm'));
    await expect(hashBlocks(make(), sha256, { digestBlock })).rejects.toThrow('no such algorithm');
    const abort = new AbortController();
    const reason = new Error('enough');
    const hashing = hashBlocks(make(), sha256, { signal: abort.signal, onProgress: () => abort.abort(reason) });
    await expect(hashing).rejects.toBe(reason);
    await expect(hashBlocks(make(), sha256, { blockSize: 1000 })).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
    await expect(hashDevice(make(), 'sha256' as never)).rejects.toThrow(/createHash/);
  });
});
