import { type BlockDevice, baseAllocation, WritesLostError } from '@nbdjs/interfaces';
import { totalExtents, walkExtents } from '@nbdjs/kit';
import { seededRandom } from '@nbdjs/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareDevices, copyDevice, copyFromStream, copyToStream } from '../src/index.ts';
import { ScriptedDevice, type ScriptedOptions } from './scripted-device.ts';

/** Content with runs of zeroes and of other bytes. */
function sparseContent(size: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  const content = new Uint8Array(size);
  for (let position = 0; position < size; ) {
    const length = Math.floor(random() ** 4 * 100_000) + 1;
    if (random() < 0.5) content.fill(1 + Math.floor(random() * 255), position, Math.min(size, position + length));
    position += length;
  }
  return content;
}

function turnsOf(seed: number, most: number): () => number {
  const random = seededRandom(seed);
  return () => Math.floor(random() * most);
}

const device = (options: ScriptedOptions): ScriptedDevice => new ScriptedDevice(options);

describe('copyDevice', () => {
  it('copies any content between any devices, with answers in any order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          size: fc.oneof(fc.constantFrom(0, 1, 511, 512, 4096), fc.integer({ min: 0, max: 1_500_000 })),
          seed: fc.integer(),
          turns: fc.integer({ min: 0, max: 5 }),
          isSynchronous: fc.boolean(),
          isLate: fc.boolean(),
          requestSize: fc.constantFrom(4096, 65_536, 262_144),
          sparseSize: fc.constantFrom(0, 512, 4096),
          sourceBlock: fc.constantFrom(1, 512, 4096),
          targetBlock: fc.constantFrom(1, 4096),
          maximum: fc.constantFrom(65_536, 33_554_432),
          canZero: fc.boolean(),
          extents: fc.boolean(),
          allocated: fc.boolean(),
          targetIsZero: fc.boolean(),
          handles: fc.integer({ min: 1, max: 3 }),
        }),
        async (way) => {
          const content = sparseContent(way.size, way.seed);
          const turns = way.isSynchronous ? undefined : turnsOf(way.seed, way.turns + 1);
          const { size, isLate } = way;
          const source = device({ size, content, turns, isLate, geometry: { minimumBlockSize: way.sourceBlock } });
          const target = device({
            size: way.size + 100,
            content: new Uint8Array(way.size + 100).fill(way.targetIsZero ? 0 : 0xee),
            turns,
            geometry: { minimumBlockSize: way.targetBlock, maximumBlockSize: way.maximum },
            abilities: { writeZeroes: way.canZero },
          });
          const several = (one: BlockDevice) => Array.from({ length: way.handles }, () => one) as [BlockDevice];
          let done = 0n;
          const report = await copyDevice(several(source), several(target), {
            requestSize: way.requestSize,
            sparseSize: way.sparseSize,
            extents: way.extents,
            allocated: way.allocated,
            targetIsZero: way.targetIsZero,
            flush: true,
            onProgress: ({ doneBytes, totalBytes }) => {
              expect(doneBytes).toBeGreaterThan(done);
              expect(totalBytes).toBe(BigInt(way.size));
              done = doneBytes;
            },
          });
          expect(Buffer.compare(target.content.subarray(0, way.size), content)).toBe(0);
          expect(target.content.subarray(way.size).every((byte) => byte === (way.targetIsZero ? 0 : 0xee))).toBe(true);
          expect(done).toBe(BigInt(way.size));
          expect(report.writtenBytes + report.zeroedBytes + report.skippedBytes).toBe(BigInt(way.size));
          expect(target.counts.get('flush')).toBe(way.handles);
        },
      ),
      { numRuns: 150 },
    );
  });

  it.each(['read', 'write', 'writeZeroes'])('CVE-2022-0485: an error of any %s is never lost', async (command) => {
    const content = sparseContent(1_000_000, 3);
    const clean = { source: device({ size: content.length, content }), target: device({ size: content.length }) };
    await copyDevice(clean.source, clean.target, { requestSize: 65_536, sparseSize: 4096 });
    const side = command === 'read' ? 'source' : 'target';
    const count = clean[side].counts.get(command) ?? 0;
    expect(count).toBeGreaterThan(3);
    for (let index = 0; index < count; index++) {
      const fail = { command, index };
      const turns = turnsOf(index, 4);
      const source = device({ size: content.length, content, turns, fail: side === 'source' ? fail : undefined });
      const target = device({ size: content.length, turns, fail: side === 'target' ? fail : undefined });
      const copying = copyDevice(source, target, { requestSize: 65_536, sparseSize: 4096 });
      await expect(copying).rejects.toMatchObject({
        code: 'EIO',
        message: expect.stringContaining('as the test wants it'),
      });
      // The buffers are not used any more.
      expect(source.inFlight + target.inFlight).toBe(0);
    }
  });

  it('needs no more memory than is being written, when the source asks for it late', async () => {
    const content = new Uint8Array(6_400_000).fill(1);
    for (const [isLate, expected] of [
      [true, 1],
      [false, 64],
    ] as const) {
      const source = device({ size: content.length, content, turns: () => 3, isLate });
      const target = device({ size: content.length });
      await copyDevice(source, target, { requestSize: 65_536, queueBytesMax: 64 * 65_536 });
      expect(source.inFlightMax).toBe(64);
      expect(target.memories.size).toBe(expected);
      expect(Buffer.compare(target.content, content)).toBe(0);
    }
  });

  it('says which side an error comes from, and where', async () => {
    const content = new Uint8Array(100_000).fill(1);
    const source = device({ size: content.length, content, fail: { command: 'read', index: 1 } });
    const copying = copyDevice(source, device({ size: content.length }), { requestSize: 65_536 });
    await expect(copying).rejects.toMatchObject({ message: 'reading the source at 65536: as the test wants it' });
  });

  it('writes zeroes where the target turns out not to be able to zero', async () => {
    const content = sparseContent(500_000, 9);
    const target = device({
      size: content.length,
      content: new Uint8Array(content.length).fill(1),
      fail: { command: 'writeZeroes', index: -1, code: 'ENOTSUP' },
    });
    await copyDevice(device({ size: content.length, content }), target);
    expect(Buffer.compare(target.content, content)).toBe(0);
  });

  it('keeps to its limits', async () => {
    const content = new Uint8Array(4_000_000).fill(1);
    const source = device({ size: content.length, content, turns: () => 2 });
    const target = device({ size: content.length, turns: () => 1 });
    await copyDevice(source, target, { requestSize: 4096, requests: 7 });
    expect(source.inFlightMax).toBeLessThanOrEqual(7);
    expect(source.inFlightMax).toBeGreaterThan(3);
    const other = device({ size: content.length, content, turns: () => 2 });
    await copyDevice(other, target, { synchronous: true });
    expect(other.inFlightMax).toBe(1);
    const third = device({ size: content.length, content, turns: () => 2 });
    await copyDevice(third, target, { requestSize: 65_536, queueBytesMax: 200_000 });
    expect(third.inFlightMax).toBeLessThanOrEqual(3);
  });

  it('asks a distant source for as much at a time as it may', async () => {
    const content = new Uint8Array(30_000_000).fill(1);
    const source = device({ size: content.length, content, latencyMs: 30 });
    const target = device({ size: content.length });
    // 64 to begin with, and all 100 when the first has taken its time.
    await copyDevice(source, target, { requestSize: 131_072, requests: 100, extents: false });
    expect(Buffer.compare(target.content, content)).toBe(0);
    expect(source.inFlightMax).toBe(100);
  });

  it('stops when it is aborted, with the reason of the signal', async () => {
    const content = new Uint8Array(4_000_000).fill(1);
    const abort = new AbortController();
    const reason = new Error('enough');
    const source = device({ size: content.length, content, turns: () => 3 });
    const target = device({ size: content.length, turns: () => 3 });
    const copying = copyDevice(source, target, {
      requests: 64,
      requestSize: 4096,
      signal: abort.signal,
      onProgress: ({ doneBytes }) => {
        if (doneBytes > 500_000n) abort.abort(reason);
      },
    });
    await expect(copying).rejects.toBe(reason);
    expect(source.inFlight + target.inFlight).toBe(0);
    expect(target.content.at(-1)).toBe(0);
  });

  it('gives other work on its thread a turn, also when its devices answer at once', async () => {
    const content = new Uint8Array(40_000_000).fill(1);
    const [source, target] = [device({ size: content.length, content }), device({ size: content.length })];
    let turns = 0;
    const nextTurn = (task: () => void): void => {
      turns++;
      setImmediate(task);
    };
    await copyDevice(source, target, { requestSize: 4096, nextTurn });
    expect(Buffer.compare(target.content, content)).toBe(0);
    expect(turns).toBeGreaterThan(0);
  });

  it('copies again what the target has lost, and gives up when it loses everything again and again', async () => {
    const content = sparseContent(1_000_000, 21);
    for (const losses of [1, 3, 100]) {
      let count = 0;
      class Losing extends ScriptedDevice {
        override flush(): void | Promise<void> {
          if (++count > losses) return super.flush();
          const ranges = [
            { offset: 5_000n, length: 300_001n },
            { offset: 900_000n, length: 100_000n },
          ];
          for (const { offset, length } of ranges) {
            this.content.fill(0xdd, Number(offset), Number(offset + length));
          }
          throw new WritesLostError(ranges, 'gone');
        }
      }
      const source = device({
        size: content.length,
        content,
        turns: turnsOf(1, 3),
        geometry: { minimumBlockSize: 512 },
      });
      const target = new Losing({ size: content.length, turns: turnsOf(2, 3) });
      const copying = copyDevice(source, target, { requestSize: 65_536, flush: true });
      if (losses < 100) {
        await copying;
        expect(Buffer.compare(target.content, content)).toBe(0);
        expect(count).toBe(losses + 1);
      } else {
        await expect(copying).rejects.toThrow('gone');
        expect(count).toBeLessThan(50);
      }
      expect(source.inFlight + target.inFlight).toBe(0);
    }
  });

  it('refuses what cannot be done', async () => {
    const small = device({ size: 10 });
    await expect(copyDevice(device({ size: 11 }), small)).rejects.toThrow(
      /10 bytes, which is less than the source's 11/,
    );
    const readOnly = device({ size: 10, abilities: { readOnly: true } });
    await expect(copyDevice(small, readOnly)).rejects.toMatchObject({ code: 'ERR_NBD_READ_ONLY' });
    await expect(copyDevice(small, small, { requestSize: 5000 })).rejects.toThrow(/requestSize is 5000/);
    await expect(copyDevice(small, small, { sparseSize: 100 })).rejects.toThrow(/sparseSize/);
    await expect(copyDevice(small, small, { requests: 0 })).rejects.toThrow(/requests/);
  });

  it('takes no longer for 2^63 - 1 bytes of nothing', async () => {
    const size = 2n ** 63n - 1n;
    const source = device({ size: 0, geometry: { size } });
    source.blockStatus = (offset, length) => [
      { context: baseAllocation, extents: [{ offset: BigInt(offset), length: BigInt(length), status: 3n }] },
    ];
    const target = device({ size: 0, geometry: { size } });
    target.writeZeroes = () => {
      target.counts.set('writeZeroes', (target.counts.get('writeZeroes') ?? 0) + 1);
    };
    expect(await copyDevice(source, target, { targetIsZero: true })).toMatchObject({ skippedBytes: size });
    expect(await copyDevice(source, target)).toMatchObject({ zeroedBytes: size });
    expect(target.counts.get('writeZeroes')).toBeLessThan(10_000);
  });
});

describe('A7: a last block that is too short', () => {
  const geometry = { minimumBlockSize: 4096 };
  const content = sparseContent(100_000, 5).fill(1, 99_000);

  it.each([
    ['source', 'read'],
    ['target', 'write'],
  ])('is tried before anything else is copied, when it is the %s’s', async (side, command) => {
    const fail = { command, index: 0 };
    const own = (one: string) => (one === side ? { geometry, fail } : {});
    const source = device({ size: content.length, content, ...own('source') });
    const target = device({ size: content.length, ...own('target') });
    const place = side === 'source' ? 'reading the source at 98304' : 'writing the target at 98304';
    await expect(copyDevice(source, target, { requestSize: 4096 })).rejects.toThrow(place);
    expect(target.content.every((byte) => byte === 0)).toBe(true);
  });

  it('is tried before a stream gets anything', async () => {
    const source = device({ size: content.length, content, geometry, fail: { command: 'read', index: 0 } });
    let chunks = 0;
    await expect(copyToStream(source, () => void chunks++)).rejects.toThrow('reading the source at 98304');
    expect(chunks).toBe(0);
  });
});

describe('checkpoints', () => {
  /** A target that loses what was not flushed, and the content that is durable. */
  class Forgetful extends ScriptedDevice {
    durable = this.content.slice();

    override flush(): void | Promise<void> {
      const held = this.content.slice();
      const flushing = super.flush();
      const keep = (): void => {
        this.durable = held;
      };
      return flushing === undefined ? keep() : flushing.then(keep);
    }
  }

  it('claim only what is durable in the target', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const content = sparseContent(1_000_000, seed);
      const source = device({ size: content.length, content, turns: turnsOf(seed, 20) });
      const target = new Forgetful({ size: content.length, turns: turnsOf(seed + 100, 9) });
      target.content.fill(0xee);
      const positions: bigint[] = [];
      await copyDevice(source, target, {
        requestSize: 4096,
        requests: 16,
        checkpoint: {
          everyMs: 0,
          save: async (position) => {
            expect(position).toBeGreaterThan(positions.at(-1) ?? 0n);
            positions.push(position);
            const end = Number(position);
            expect(Buffer.compare(target.durable.subarray(0, end), content.subarray(0, end))).toBe(0);
            await new Promise((resolve) => setImmediate(resolve));
          },
        },
      });
      expect(positions.length).toBeGreaterThan(3);
      expect(Buffer.compare(target.content, content)).toBe(0);
    }
  });

  it('are where a copy can go on from', async () => {
    const content = sparseContent(1_000_000, 11);
    const fail = { command: 'write', index: 60 };
    const target = device({ size: content.length, turns: turnsOf(4, 4), fail });
    target.content.fill(0xee);
    let startAt = 0n;
    const save = (position: bigint): void => {
      startAt = position;
    };
    const source = device({ size: content.length, content });
    const options = { requestSize: 4096, requests: 8 };
    const first = copyDevice(source, target, { ...options, checkpoint: { everyMs: 0, save } });
    await expect(first).rejects.toThrow(/writing the target/);
    expect(startAt).toBeGreaterThan(100_000n);
    const rest = device({ size: content.length, content });
    const doneBytes: bigint[] = [];
    const report = await copyDevice(rest, target, {
      ...options,
      checkpoint: { startAt, save },
      onProgress: (progress) => void doneBytes.push(progress.doneBytes),
    });
    expect(Buffer.compare(target.content, content)).toBe(0);
    expect(report.readBytes).toBeLessThanOrEqual(BigInt(content.length) - startAt);
    expect(doneBytes[0]).toBeGreaterThan(startAt);
    expect(doneBytes.at(-1)).toBe(BigInt(content.length));
  });

  it('record how far a copy has come that failed or was stopped', async () => {
    const content = new Uint8Array(1_000_000).fill(1);
    const reason = new Error('enough');
    for (const end of ['failure', 'abort'] as const) {
      const abort = new AbortController();
      const fail = { command: 'write', index: 60 };
      const source = device({ size: content.length, content, turns: () => 1 });
      const target = new Forgetful({
        size: content.length,
        turns: () => 1,
        fail: end === 'failure' ? fail : undefined,
      });
      const positions: bigint[] = [];
      const copying = copyDevice(source, target, {
        requestSize: 4096,
        requests: 8,
        signal: abort.signal,
        checkpoint: { everyMs: 1e9, save: (position) => void positions.push(position) },
        onProgress: ({ doneBytes }) => {
          if (end === 'abort' && doneBytes > 300_000n) abort.abort(reason);
        },
      });
      await expect(copying).rejects.toThrow(end === 'abort' ? 'enough' : /writing the target/);
      expect(positions).toHaveLength(1);
      const saved = Number(positions[0]);
      expect(saved).toBeGreaterThan(150_000);
      expect(target.durable.subarray(0, saved).every((byte) => byte === 1)).toBe(true);
    }
  });

  it('end the copy when they cannot be saved', async () => {
    const content = new Uint8Array(1_000_000).fill(1);
    const source = device({ size: content.length, content, turns: () => 1 });
    const target = device({ size: content.length, turns: () => 1 });
    const save = async (): Promise<void> => {
      throw new Error('the disk is full');
    };
    const copying = copyDevice(source, target, { requestSize: 4096, requests: 4, checkpoint: { everyMs: 0, save } });
    await expect(copying).rejects.toThrow('the disk is full');
    expect(source.inFlight + target.inFlight).toBe(0);
    expect(target.content.at(-1)).toBe(0);
  });

  it('lie within the source, where both sides can be cut', async () => {
    const source = device({ size: 10_000, geometry: { minimumBlockSize: 512 } });
    const target = device({ size: 10_000 });
    const save = (): void => {};
    for (const startAt of [-512n, 100n, 10_001n, 10_240n]) {
      await expect(copyDevice(source, target, { checkpoint: { startAt, save } })).rejects.toThrow(
        `startAt is ${startAt}, expected 10000, or less and a multiple of 512`,
      );
    }
    const report = await copyDevice(source, target, { checkpoint: { startAt: 10_000n, save } });
    expect(report.readBytes).toBe(0n);
  });
});

describe('compareDevices', () => {
  it('finds the first byte that differs, between any devices', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          size: fc.oneof(fc.constantFrom(0, 1, 4096), fc.integer({ min: 0, max: 800_000 })),
          seed: fc.integer(),
          turns: fc.integer({ min: 0, max: 5 }),
          isLate: fc.boolean(),
          extents: fc.boolean(),
          holeBytesMin: fc.constantFrom(1, 4096, 1_000_000),
          differences: fc.array(fc.nat(), { maxLength: 5 }),
        }),
        async (way) => {
          const { size, isLate, extents } = way;
          const content = sparseContent(size, way.seed);
          const other = sparseContent(size + 50, way.seed);
          other.set(content);
          const places = size === 0 ? [] : way.differences.map((place) => place % size);
          for (const place of places) other[place] = ((content[place] as number) + 1) % 256;
          const turns = turnsOf(way.seed, way.turns + 1);
          const source = device({ size, content, turns, isLate });
          const target = device({ size: size + 50, content: other, turns, isLate, holeBytesMin: way.holeBytesMin });
          const report = await compareDevices(source, target, { requestSize: 65_536, extents });
          const first = places.length === 0 ? undefined : BigInt(Math.min(...places));
          expect(report.differsAt).toBe(first);
          expect(source.inFlight + target.inFlight).toBe(0);
          expect(source.counts.get('write') ?? target.counts.get('write')).toBeUndefined();
        },
      ),
      { numRuns: 150 },
    );
  });

  it('does not read what both sides report as zeroes', async () => {
    const zeroes = (): ScriptedDevice => device({ size: 1_000_000 });
    expect(await compareDevices(zeroes(), zeroes())).toEqual({
      differsAt: undefined,
      differingBytes: undefined,
      totalBytes: 1_000_000n,
      comparedBytes: 0n,
    });
    const silent = device({ size: 1_000_000, abilities: { contexts: [] } });
    expect(await compareDevices(zeroes(), silent)).toMatchObject({ comparedBytes: 1_000_000n });
  });

  it('takes a target that is shorter for different', async () => {
    const content = new Uint8Array(10_000).fill(1);
    const source = device({ size: 10_000, content });
    const shorter = device({ size: 9000, content: content.slice(0, 9000) });
    expect((await compareDevices(source, shorter)).differsAt).toBe(9000n);
  });

  it('never takes an error for equality', async () => {
    const content = sparseContent(600_000, 8);
    for (const side of ['source', 'target'] as const) {
      const fail = { command: 'read', index: 1 };
      const make = (one: string): ScriptedDevice =>
        device({ size: content.length, content, turns: () => 1, fail: one === side ? fail : undefined });
      const comparing = compareDevices(make('source'), make('target'), { requestSize: 65_536 });
      await expect(comparing).rejects.toMatchObject({ code: 'EIO' });
    }
  });

  it('stops when it is aborted', async () => {
    const content = new Uint8Array(1_000_000).fill(1);
    const abort = new AbortController();
    const reason = new Error('enough');
    const make = (): ScriptedDevice => device({ size: content.length, content, turns: () => 2 });
    const comparing = compareDevices(make(), make(), {
      requestSize: 4096,
      signal: abort.signal,
      onProgress: ({ doneBytes }) => {
        if (doneBytes > 100_000n) abort.abort(reason);
      },
    });
    await expect(comparing).rejects.toBe(reason);
  });
});

describe('streams', () => {
  async function* chunks(content: Uint8Array, seed: number): AsyncGenerator<Uint8Array> {
    const random = seededRandom(seed);
    for (let position = 0; position < content.length; ) {
      const length = 1 + Math.floor(random() ** 3 * 200_000);
      // The generator's memory is its own again after each turn.
      const chunk = content.slice(position, position + length);
      yield chunk;
      chunk.fill(0xdd);
      position += length;
    }
  }

  it('are stored from the start of a device on', async () => {
    for (const size of [0, 1, 4096, 262_144, 1_234_567]) {
      const content = sparseContent(size, size);
      const target = device({ size: 1_300_000, content: new Uint8Array(1_300_000).fill(3), turns: turnsOf(size, 4) });
      const report = await copyFromStream(chunks(content, size), target, { requestSize: 65_536, flush: true });
      expect(Buffer.compare(target.content.subarray(0, size), content)).toBe(0);
      expect(target.content.subarray(size).every((byte) => byte === 3)).toBe(true);
      expect(report.totalBytes).toBe(BigInt(size));
    }
  });

  it('that are too long are an error, as are their own errors and those of the device', async () => {
    const content = new Uint8Array(100_000).fill(1);
    await expect(copyFromStream(chunks(content, 1), device({ size: 99_999 }))).rejects.toThrow(
      /longer than the target/,
    );
    const failing = device({ size: 100_000, fail: { command: 'write', index: 2 }, turns: () => 2 });
    await expect(copyFromStream(chunks(content, 1), failing, { requestSize: 4096 })).rejects.toThrow(
      /writing the target at 8192/,
    );
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield content;
      throw new Error('the source broke');
    }
    await expect(copyFromStream(broken(), device({ size: 200_000 }))).rejects.toThrow('the source broke');
  });

  it('that are silent delay neither an abort nor an error of the device', async () => {
    const silent = async function* (): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(4096).fill(1);
      await new Promise(() => {});
    };
    const abort = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => abort.abort(reason), 10);
    const target = device({ size: 100_000 });
    await expect(copyFromStream(silent(), target, { signal: abort.signal })).rejects.toBe(reason);
    const failing = device({ size: 100_000, fail: { command: 'write', index: 0 }, turns: () => 5 });
    await expect(copyFromStream(silent(), failing, { requestSize: 4096 })).rejects.toThrow(/writing the target at 0/);
  });

  it('come out of a device in order', async () => {
    for (const size of [0, 1, 262_144, 1_234_567]) {
      const content = sparseContent(size, size + 1);
      const source = device({ size, content, turns: turnsOf(size, 6) });
      const parts: Uint8Array[] = [];
      await copyToStream(source, (chunk) => void parts.push(chunk.slice()), { requestSize: 65_536 });
      expect(Buffer.compare(Buffer.concat(parts), content)).toBe(0);
    }
  });

  it('stop with the error of the side that fails', async () => {
    const content = new Uint8Array(1_000_000).fill(1);
    const source = device({ size: content.length, content, turns: turnsOf(1, 4) });
    const sink = (): never => {
      throw new Error('the sink is full');
    };
    await expect(copyToStream(source, sink)).rejects.toThrow('the sink is full');
    expect(source.inFlight).toBe(0);
    const failing = device({ size: content.length, content, fail: { command: 'read', index: 2 }, turns: () => 1 });
    await expect(copyToStream(failing, () => {})).rejects.toThrow(/reading the source at 524288/);
  });
});

describe('extents', () => {
  it('are merged over all answers, and add up', async () => {
    const content = sparseContent(1_000_000, 5);
    const source = device({ size: content.length, content, holeBytesMin: 1 });
    let position = 0n;
    let last: bigint | undefined;
    for await (const { offset, length, status } of walkExtents(source)) {
      expect(offset).toBe(position);
      expect(status).not.toBe(last);
      position += length;
      last = status;
    }
    expect(position).toBe(1_000_000n);
    const totals = await totalExtents(walkExtents(source, { offset: 1000, length: 500_000n }));
    expect([...totals.values()].reduce((sum, bytes) => sum + bytes, 0n)).toBe(500_000n);
  });
});
