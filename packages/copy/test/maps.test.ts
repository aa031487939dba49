/** How a copy uses the source's map: fewer requests than without it, never more, and the same content in the target. */
import {
  type BlockDevice,
  baseAllocation,
  CommandError,
  ConnectionLostError,
  type MetaContextExtents,
  type Offset,
} from '@nbdjs/interfaces';
import { walkExtents } from '@nbdjs/kit';
import { expect, it } from 'vitest';
import { compareDevices, copyDevice, copyToStream, type MapFailure } from '../src/index.ts';
import { ScriptedDevice, type ScriptedOptions } from './scripted-device.ts';

const kibi = 1024;

interface Call {
  readonly command: 'read' | 'write' | 'zero';
  readonly offset: number;
  readonly length: number;
}

class RecordingDevice extends ScriptedDevice {
  readonly calls: Call[] = [];
  /** What every block status fails with. */
  failure: Error | undefined;

  override read(offset: Offset, target: Uint8Array): void | Promise<void> {
    this.calls.push({ command: 'read', offset: Number(offset), length: target.length });
    return super.read(offset, target);
  }

  override write(offset: Offset, source: Uint8Array): void | Promise<void> {
    this.calls.push({ command: 'write', offset: Number(offset), length: source.length });
    return super.write(offset, source);
  }

  override writeZeroes(offset: Offset, length: Offset): void | Promise<void> {
    this.calls.push({ command: 'zero', offset: Number(offset), length: Number(length) });
    return super.writeZeroes(offset, length);
  }

  override blockStatus(offset: Offset, length: Offset): ReturnType<BlockDevice['blockStatus']> {
    if (this.failure !== undefined) throw this.failure;
    return super.blockStatus(offset, length);
  }

  of(command: Call['command']): readonly (readonly [number, number])[] {
    return this.calls.filter((call) => call.command === command).map(({ offset, length }) => [offset, length]);
  }
}

const make = (options: ScriptedOptions): RecordingDevice =>
  new RecordingDevice({ holeBytesMin: 1, extentsMax: 1e9, ...options });

/** Data of so many bytes at the start of each `periodBytes`. */
function fragments(size: number, dataBytes: number, periodBytes: number, from = 0): Uint8Array {
  const content = new Uint8Array(size);
  for (let offset = from; offset < size; offset += periodBytes) content.fill(7, offset, offset + dataBytes);
  return content;
}

it.each([
  ['4 KiB in 8 KiB', 4 * kibi, 8 * kibi, 0],
  ['the same, with a gap at the start of each request', 4 * kibi, 8 * kibi, 4 * kibi],
  ['single bytes', 1, 3, 1],
  ['30 KiB in 50 KiB', 30 * kibi, 50 * kibi, 17],
  ['little, far apart', 4 * kibi, 200 * kibi, 0],
])(
  'A9: a copy takes no more requests with its map than without: %s',
  { tags: ['slow'] },
  async (_, dataBytes, periodBytes, from) => {
    const size = 2048 * kibi;
    const content = fragments(size, dataBytes, periodBytes, from);
    const count = async (extents: boolean, targetIsZero: boolean, extentsMax = 1e9) => {
      const source = make({ size, content, extentsMax });
      const target = make({ size, content: new Uint8Array(size).fill(targetIsZero ? 0 : 9) });
      await copyDevice(source, target, { extents, targetIsZero });
      expect(Buffer.compare(target.content, content)).toBe(0);
      const bytes = source.of('read').reduce((sum, [, length]) => sum + length, 0);
      return {
        reads: source.of('read').length,
        bytes,
        changes: target.calls.length,
        questions: source.counts.get('blockStatus') ?? 0,
      };
    };
    for (const targetIsZero of [false, true]) {
      const plain = await count(false, targetIsZero);
      expect(plain.reads).toBe(8);
      for (const extentsMax of [1, 7, 1e9]) {
        const mapped = await count(true, targetIsZero, extentsMax);
        expect(mapped.reads).toBeLessThanOrEqual(plain.reads);
        expect(mapped.bytes).toBeLessThanOrEqual(plain.bytes);
        expect(mapped.changes).toBeLessThanOrEqual(plain.changes);
        expect(mapped.questions).toBeLessThanOrEqual(plain.reads);
      }
    }
  },
);

it('A9: a map that saves nothing is asked for seldom, until it saves something again', async () => {
  const mebi = 1024 * kibi;
  const size = 1024 * mebi;
  const block = 4 * kibi;
  /** Data in every other block, except of one long hole. */
  const hole = [600 * mebi, 900 * mebi] as const;
  const statusAt = (offset: number): number =>
    offset >= hole[0] && offset < hole[1] ? 3 : (offset / block) % 2 === 0 ? 0 : 3;
  const source = make({ size: 0 });
  let asked = 0;
  let askedBeforeHole = 0;
  let reads = 0;
  let readBytes = 0;
  Object.assign(source, { geometry: { ...source.geometry, size: BigInt(size) } });
  source.read = async (_offset, target) => {
    reads++;
    readBytes += target.length;
  };
  source.blockStatus = (offset, length) => {
    asked += Number(length);
    if (offset < hole[0]) askedBeforeHole += Number(length);
    const extents = [];
    for (let at = Number(offset); at < Number(offset) + Number(length); at += block) {
      extents.push({ offset: BigInt(at), length: BigInt(block), status: BigInt(statusAt(at)) });
    }
    return [{ context: baseAllocation, extents }];
  };
  const target = make({ size: 0 });
  Object.assign(target, { geometry: source.geometry });
  target.write = () => {};
  target.writeZeroes = () => {};
  await copyDevice(source, target, { sparseSize: 0 });
  // Of what is fragmented, no more than an eighth is asked about, and most of the hole is not read.
  expect(asked).toBeLessThan((size - 300 * mebi) / 8 + 300 * mebi);
  // Once the first answer has shown what the map is worth, samples do.
  expect(askedBeforeHole).toBeLessThan(12 * mebi);
  expect(readBytes).toBeLessThan(size - 150 * mebi);
  expect(reads).toBeLessThanOrEqual(4096);
});

it('A9: a long gap between two requests is not read', async () => {
  const size = 1024 * kibi;
  const content = new Uint8Array(size);
  content.fill(1, 0, 100 * kibi);
  content.fill(1, 500 * kibi, 600 * kibi);
  const source = make({ size, content });
  const target = make({ size });
  await copyDevice(source, target);
  expect(source.of('read')).toEqual([
    [0, 100 * kibi],
    [500 * kibi, 12 * kibi],
    [512 * kibi, 88 * kibi],
  ]);
});

it('A9: few zeroes are written along with the data around them, unless the caller names a size', async () => {
  const size = 256 * kibi;
  const content = fragments(size, 4 * kibi, 8 * kibi);
  const way = async (options: Parameters<typeof copyDevice>[2]) => {
    const target = make({ size, content: new Uint8Array(size).fill(9) });
    await copyDevice(make({ size, content }), target, options);
    expect(Buffer.compare(target.content, content)).toBe(0);
    return [target.of('write').length, target.of('zero').length];
  };
  expect(await way({})).toEqual([1, 0]);
  expect(await way({ extents: false })).toEqual([1, 0]);
  expect(await way({ sparseSize: 4096 })).toEqual([32, 32]);
});

it('A9: a target that is zero keeps its holes', async () => {
  const size = 256 * kibi;
  const content = fragments(size, 4 * kibi, 8 * kibi);
  const target = make({ size });
  const report = await copyDevice(make({ size, content }), target, { targetIsZero: true });
  expect(target.of('write')).toHaveLength(32);
  expect(report.writtenBytes).toBe(128n * 1024n);
});

it('D8.3: pieces of long zeroes end at multiples of their size', { tags: ['slow'] }, async () => {
  const size = 400 * 1024 * kibi;
  const content = new Uint8Array(size);
  content[0] = 1;
  const target = make({ size });
  await copyDevice(make({ size, content }), target, { sparseSize: 0 });
  const piece = 128 * 1024 * kibi;
  expect(target.of('zero')).toEqual([
    [1, piece - 1],
    [piece, piece],
    [2 * piece, piece],
    [3 * piece, size - 3 * piece],
  ]);
});

it('B10: a source that fails to report which parts are zero is read like data', async () => {
  const content = fragments(300_000, 1000, 100_000);
  const source = make({ size: content.length, content });
  source.failure = new CommandError('EIO', 'no map today');
  const target = make({ size: content.length });
  const failures: MapFailure[] = [];
  const report = await copyDevice(source, target, { onMapFailure: (failure) => failures.push(failure) });
  expect(Buffer.compare(target.content, content)).toBe(0);
  expect(report.readBytes).toBe(300_000n);
  expect(failures).toEqual([{ side: 'source', offset: 0n, length: 300_000n, error: source.failure }]);
  const chunks: Uint8Array[] = [];
  await copyToStream(source, (chunk) => void chunks.push(chunk.slice()));
  expect(Buffer.compare(Buffer.concat(chunks), content)).toBe(0);
});

it('B10: a source with an empty answer counts as one that fails', async () => {
  const content = fragments(100_000, 1000, 10_000);
  const source = make({ size: content.length, content });
  source.blockStatus = (): readonly MetaContextExtents[] => [{ context: baseAllocation, extents: [] }];
  const target = make({ size: content.length });
  await copyDevice(source, target);
  expect(Buffer.compare(target.content, content)).toBe(0);
});

it('B10: comparing reads the parts whose map either side fails to report', async () => {
  const content = fragments(300_000, 1000, 100_000);
  for (const side of ['source', 'target'] as const) {
    const devices = {
      source: make({ size: content.length, content }),
      target: make({ size: content.length, content }),
    };
    devices[side].failure = new CommandError('EIO', 'no map today');
    const sides: string[] = [];
    const onMapFailure = (failure: MapFailure) => void sides.push(failure.side);
    expect((await compareDevices(devices.source, devices.target, { onMapFailure })).differsAt).toBeUndefined();
    expect(new Set(sides)).toEqual(new Set([side]));
    devices.target.content[250_000] = 1;
    expect((await compareDevices(devices.source, devices.target)).differsAt).toBe(250_000n);
  }
});

it('B10: a walk goes on behind a part without a map when the caller has given a function to report it to', async () => {
  const source = make({ size: 300 * 1024 * kibi });
  source.failure = new CommandError('EIO', 'no map today');
  const told: bigint[] = [];
  const extents = [];
  for await (const extent of walkExtents(source, { onMapFailure: (_, offset) => told.push(offset) }))
    extents.push(extent);
  expect(extents).toEqual([{ offset: 0n, length: source.geometry.size, status: 0n }]);
  expect(told).toEqual([0n, 128n << 20n, 256n << 20n]);
  await expect(walkExtents(source).next()).rejects.toBe(source.failure);
});

it('B10: other failures than that of the question end the copy', async () => {
  const source = make({ size: 1000 });
  source.failure = new ConnectionLostError('unknown', 'gone');
  const copying = copyDevice(source, make({ size: 1000 }));
  await expect(copying).rejects.toThrow('asking the source about 0: gone');
});

it('A12: blocks that are longer than a request are read and written whole', async () => {
  const block = 2048 * kibi;
  const size = 5 * block;
  const content = fragments(size, 100 * kibi, 700 * kibi);
  const geometry = { minimumBlockSize: block, preferredBlockSize: block };
  for (const side of ['source', 'target']) {
    const source = make({ size, content, geometry: side === 'source' ? geometry : {} });
    const target = make({ size, geometry: side === 'target' ? geometry : {} });
    await copyDevice(source, target);
    expect(Buffer.compare(target.content, content)).toBe(0);
    const calls = side === 'source' ? source.calls : target.calls;
    expect(calls.filter(({ offset, length }) => offset % block !== 0 || length % block !== 0)).toEqual([]);
  }
});
