/** Copies of what a metadata context marks. */
import { seededRandom } from '@nbdjs/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CopyProgress, copyDevice, copyInThreads } from '../src/index.ts';
import { bitmap, MarkedDevice } from './marked-device.ts';
import { ScriptedDevice, type ScriptedOptions } from './scripted-device.ts';

describe('changed', () => {
  it('copies what is marked, in whole blocks, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          size: fc.oneof(fc.constantFrom(1, 1000, 65_536), fc.integer({ min: 1, max: 300_000 })),
          seed: fc.integer(),
          share: fc.constantFrom(0, 0.05, 0.5, 1),
          turns: fc.integer({ min: 0, max: 4 }),
          align: fc.constantFrom(1, 512, 4096),
          extents: fc.boolean(),
        }),
        async ({ size: given, seed, share, turns, align, extents }) => {
          const size = Math.max(align, given - (given % align));
          const random = seededRandom(seed);
          const content = Uint8Array.from({ length: size }, (_, at) => (at % 9000 < 4000 ? 0 : 1 + (at % 200)));
          const marks = Uint8Array.from({ length: Math.ceil(size / 1000) }, () => (random() < share ? 1 : 0));
          const source = new MarkedDevice(
            { size, content, turns: () => Math.floor(random() * (turns + 1)), geometry: { minimumBlockSize: align } },
            marks,
          );
          const before = new Uint8Array(size + 10 * align).fill(0xee);
          const target = new ScriptedDevice({
            size: before.length,
            content: before,
            turns: () => Math.floor(random() * (turns + 1)),
            geometry: { minimumBlockSize: align },
          });
          let last: CopyProgress = { doneBytes: 0n };
          const report = await copyDevice(source, target, {
            changed: bitmap,
            extents,
            requestSize: 4096,
            targetIsZero: true,
            onProgress: (progress) => {
              last = progress;
            },
          });
          const expected = before.slice();
          let bytes = 0;
          for (let block = 0; block < size; block += align) {
            const end = Math.min(size, block + align);
            const from = Math.floor(block / 1000);
            const isMarked = marks.slice(from, Math.floor((end - 1) / 1000) + 1).some((mark) => mark === 1);
            if (!isMarked) continue;
            bytes += end - block;
            expected.set(content.subarray(block, end), block);
          }
          expect(Buffer.compare(target.content, expected)).toBe(0);
          expect(report.totalBytes).toBe(BigInt(bytes));
          expect(report.writtenBytes + report.zeroedBytes).toBe(BigInt(bytes));
          if (bytes > 0) expect(last).toEqual({ doneBytes: BigInt(bytes), totalBytes: BigInt(bytes) });
          expect(source.inFlight + target.inFlight).toBe(0);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('is an error where the source has no such context, with a checkpoint, and in threads', async () => {
    const plain = new ScriptedDevice({ size: 4096 });
    const copying = copyDevice(plain, new ScriptedDevice({ size: 4096 }), { changed: bitmap });
    await expect(copying).rejects.toMatchObject({ code: 'ERR_NBD_NOT_SUPPORTED' });
    const source = new MarkedDevice({ size: 4096 }, new Uint8Array(5));
    const checkpoint = { save: async () => {} };
    const both = copyDevice(source, plain, { changed: bitmap, checkpoint });
    await expect(both).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
    const options = { changed: bitmap, threads: 1, startThread: () => expect.fail('no thread is started') };
    await expect(copyInThreads(source, plain, options as never)).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
  });

  it('stops at the first error of the map, of a read, and when it is aborted', async () => {
    const content = new Uint8Array(200_000).fill(1);
    const marks = Uint8Array.from({ length: 200 }, (_, block) => block % 2);
    const make = (fail?: ScriptedOptions['fail']): MarkedDevice =>
      new MarkedDevice({ size: content.length, content, turns: () => 1, fail }, marks);
    const target = (): ScriptedDevice => new ScriptedDevice({ size: content.length });
    const failing = copyDevice(make({ command: 'read', index: 3 }), target(), { changed: bitmap });
    await expect(failing).rejects.toMatchObject({ code: 'EIO' });
    const mapless = Object.assign(make(), { blockStatus: () => Promise.reject(new Error('no bitmap')) });
    await expect(copyDevice(mapless, target(), { changed: bitmap })).rejects.toThrow('no bitmap');
    const abort = new AbortController();
    const reason = new Error('enough');
    const options = { changed: bitmap, signal: abort.signal, onProgress: () => abort.abort(reason) };
    await expect(copyDevice(make(), target(), options)).rejects.toBe(reason);
  });
});
