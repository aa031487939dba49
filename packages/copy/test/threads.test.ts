/** Copies in several threads. The threads are played by promises of this one, which take turns with every answer of a device. */
import { CommandError, UsageError } from '@nbdjs/interfaces';
import { describe, expect, it } from 'vitest';
import { type CopyReport, type CopyShare, type CopyThread, copyInThreads, copyShare } from '../src/index.ts';
import { SharedWork } from '../src/threads/shared-work.ts';
import { ScriptedDevice, type ScriptedOptions } from './scripted-device.ts';

const mebi = 2 ** 20;
const size = 200 * mebi + 512;
const turns = (): number => 1;

/** Some data in each 16 MiB, up to the last byte. */
function content(): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let start = 0; start < size; start += 16 * mebi) bytes.fill(1 + start / (16 * mebi), start, start + 300_000);
  bytes.fill(99, size - 700);
  return bytes;
}

const bytes = content();
const sourceOf = (options: Partial<ScriptedOptions> = {}) =>
  new ScriptedDevice({ size, content: bytes, turns, ...options });

/** Threads with devices of their own over the memory of one. */
class Threads {
  readonly stops: unknown[] = [];
  readonly reports: CopyReport[] = [];
  readonly targets: ScriptedDevice[] = [];
  readonly #sources: ScriptedDevice[];
  readonly #content: Uint8Array;

  constructor(targetContent: Uint8Array, ...sources: ScriptedDevice[]) {
    this.#content = targetContent;
    this.#sources = sources;
  }

  target(): ScriptedDevice {
    const device = new ScriptedDevice({ size, turns, geometry: { minimumBlockSize: 4096 } });
    Object.assign(device, { content: this.#content });
    this.targets.push(device);
    return device;
  }

  readonly startThread = (share: CopyShare): CopyThread => {
    const ended = copyShare(this.#sources.pop() ?? sourceOf(), this.target(), structuredClone(share), { flush: true });
    const kept = ended.then((report) => {
      this.reports.push(report);
      return report;
    });
    return { ended: kept, stop: (cause) => void this.stops.push(cause) };
  };
}

describe('copyInThreads', () => {
  it('copies everything once, sums what threads have done, and flushes in each of them', async () => {
    const copied = new Uint8Array(size).fill(0xee);
    const threads = new Threads(copied);
    const source = sourceOf();
    const progress: bigint[] = [];
    const report = await copyInThreads(source, threads.target(), {
      threads: 3,
      startThread: threads.startThread,
      flush: true,
      onProgress: ({ doneBytes, totalBytes }) => {
        expect(totalBytes).toBe(BigInt(size));
        progress.push(doneBytes);
      },
    });
    expect(Buffer.compare(copied, bytes)).toBe(0);
    expect(report.totalBytes).toBe(BigInt(size));
    expect(report.writtenBytes + report.zeroedBytes + report.skippedBytes).toBe(BigInt(size));
    expect(report.zeroedBytes).toBeGreaterThan(BigInt(150 * mebi));
    expect(threads.reports.filter(({ readBytes }) => readBytes > 0n).length).toBeGreaterThan(0);
    expect(threads.reports.reduce((sum, { readBytes }) => sum + readBytes, 0n)).toBeLessThan(report.readBytes);
    expect(threads.targets.map(({ counts }) => counts.get('flush'))).toEqual([1, 1, 1]);
    expect(progress).toEqual([...progress].sort((one, other) => Number(one - other)));
    expect(progress.at(-1)).toBe(BigInt(size));
    expect(threads.stops).toEqual([]);
  });

  it('ends all threads after the first error of one, and throws it', async () => {
    const threads = new Threads(new Uint8Array(size), sourceOf({ fail: { command: 'read', index: 0 } }));
    let done = 0n;
    const onProgress = ({ doneBytes }: { readonly doneBytes: bigint }): void => {
      done = doneBytes;
    };
    const options = { threads: 2, startThread: threads.startThread, onProgress };
    const failed = copyInThreads(sourceOf(), threads.target(), options);
    await expect(failed).rejects.toMatchObject({ name: 'CommandError', code: 'EIO' });
    await expect(failed).rejects.toThrow(/^reading the source at \d+/);
    expect(done).toBeLessThan(BigInt(size) / 2n);
    expect(threads.stops).toHaveLength(1);
    for (const target of threads.targets) expect(target.inFlight).toBe(0);
  });

  it('ends the others after an error of its own', async () => {
    const threads = new Threads(new Uint8Array(size));
    const source = sourceOf({ fail: { command: 'read', index: 2 } });
    const failed = copyInThreads(source, threads.target(), { threads: 2, startThread: threads.startThread });
    await expect(failed).rejects.toThrow(CommandError);
    expect(threads.stops).toHaveLength(1);
  });

  it('stops with the reason of the signal', async () => {
    const abort = new AbortController();
    const threads = new Threads(new Uint8Array(size));
    const failed = copyInThreads(sourceOf(), threads.target(), {
      threads: 2,
      startThread: threads.startThread,
      signal: abort.signal,
      onProgress: () => abort.abort(new Error('enough')),
    });
    await expect(failed).rejects.toThrow('enough');
    expect(threads.stops).toContainEqual(new Error('enough'));
  });

  it('ends those that it has started when one cannot be started', async () => {
    const threads = new Threads(new Uint8Array(size));
    let count = 0;
    const startThread = (share: CopyShare): CopyThread => {
      if (count++ === 1) throw new Error('no more threads');
      return threads.startThread(share);
    };
    await expect(copyInThreads(sourceOf(), threads.target(), { threads: 3, startThread })).rejects.toThrow(
      'no more threads',
    );
    expect(threads.stops).toHaveLength(1);
  });

  it('refuses devices whose handles may see different things, and a thread whose source has another size', async () => {
    const threads = new Threads(new Uint8Array(size), new ScriptedDevice({ size: 4096 }));
    const { startThread } = threads;
    const single = sourceOf({ abilities: { multiConn: false } });
    await expect(copyInThreads(single, threads.target(), { threads: 2, startThread })).rejects.toThrow(
      'the source does not say that several handles to it see the same (multiConn)',
    );
    await expect(copyInThreads(sourceOf(), threads.target(), { threads: 2, startThread })).rejects.toThrow(
      `the source has 4096 bytes in one thread, expected ${size} as in the others`,
    );
    await expect(
      copyShare(sourceOf(), threads.target(), {} as CopyShare, { checkpoint: { save: () => {} } }),
    ).rejects.toThrow(UsageError);
  });

  it('copies in the calling thread alone where it is the only one', async () => {
    const copied = new Uint8Array(size);
    const target = new Threads(copied).target();
    const startThread = (): CopyThread => {
      throw new Error('no thread is needed');
    };
    await copyInThreads(sourceOf({ abilities: { multiConn: false } }), target, { threads: 1, startThread });
    expect(Buffer.compare(copied, bytes)).toBe(0);
  });
});

describe('the work that threads share', () => {
  const gibi = 2n ** 30n;

  it.each([0n, 1n, 64n * 2n ** 20n, 3n * gibi + 5n, 100n * gibi, 2n ** 41n])('is handed out once: %s bytes', (end) => {
    const share: CopyShare = { memory: new SharedArrayBuffer(32), size: end, threads: 3 };
    const works = [new SharedWork(share), new SharedWork(structuredClone(share))];
    let position = 0n;
    for (let turn = 0; ; turn++) {
      const chunk = works[turn % 2]?.take(end);
      if (chunk === undefined) break;
      expect(chunk.start).toBe(position);
      expect(chunk.start % (64n * 2n ** 20n)).toBe(0n);
      expect(chunk.end - chunk.start).toBeLessThanOrEqual(gibi);
      position = chunk.end;
    }
    expect(position).toBe(end);
  });

  it('is not handed out after a stop', () => {
    const work = new SharedWork({ memory: new SharedArrayBuffer(32), size: gibi, threads: 2 });
    work.stop();
    expect(work.take(gibi)).toBeUndefined();
  });
});
