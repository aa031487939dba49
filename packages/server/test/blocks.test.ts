/** Devices with blocks, and clients that have not asked for their sizes. */
import { negotiate } from '@nbdjs/connection';
import { AllocationStatus, type BlockDevice, baseAllocation } from '@nbdjs/interfaces';
import { Command, CommandFlag, WireError } from '@nbdjs/protocol';
import { createBlockSizeLayer, createMemoryDevice } from '@nbdjs/storage';
import { createMemoryPair } from '@nbdjs/transport';
import { describe, expect, it } from 'vitest';
import { createServer, type Export } from '../src/index.ts';
import { assemble, RawClient } from './support.ts';
import { wrapped } from './wrapped-device.ts';

const size = 65_536;
const { Einval } = WireError;

/** Blocks of 4 KiB, of which any part may be asked for. */
function mending(geometry: Partial<BlockDevice['geometry']> = {}): BlockDevice {
  const memory = createMemoryDevice({ size });
  const strict: BlockDevice = {
    ...wrapped(memory, (command, go, args) => {
      const [offset, second] = args as [number | bigint, Uint8Array | number | bigint];
      const length = typeof second === 'object' ? second.length : second;
      if (command !== 'flush' && (Number(offset) % 4096 !== 0 || Number(length) % 4096 !== 0)) {
        throw new Error(`${command} of ${length} bytes at ${offset} does not fit`);
      }
      return go();
    }),
    geometry: { ...memory.geometry, minimumBlockSize: 4096 },
  };
  const layer = createBlockSizeLayer(strict);
  return {
    ...wrapped(layer, (_command, go) => go()),
    geometry: { ...layer.geometry, minimumBlockSize: 4096, preferredBlockSize: 4096, ...geometry },
    takesAnyRange: true,
  };
}

async function connect(one: Export, requestBlockSizes: boolean): Promise<RawClient> {
  const [ours, theirs] = createMemoryPair();
  void createServer({ exports: { '': one } }).accept(theirs);
  const { signal } = new AbortController();
  const options = { mode: 'structured', contexts: [baseAllocation], requestBlockSizes } as const;
  const { channel, facts } = await negotiate(ours, options, { signal, name: 'test' });
  return new RawClient(channel, facts);
}

const write = (offset: number, length: number, value: number) => ({
  type: Command.Write,
  offset,
  payload: new Uint8Array(length).fill(value),
});

describe('A10: of a client that has not asked for block sizes, what does not fit them', () => {
  it('S55: is aligned, without damage to writes of other clients', async () => {
    const client = await connect({ device: mending() }, false);
    expect(await client.errorOf(write(512, 512, 1))).toBe(0);
    const cookies = client.send(write(4000, 200, 2), write(5000, 100, 3), {
      type: Command.WriteZeroes,
      offset: 600,
      length: 50,
    });
    for (const cookie of cookies) expect((await client.answerTo(cookie)).every(({ error }) => error === 0)).toBe(true);
    const { bytes } = assemble(await client.ask({ type: Command.Read, offset: 500, length: 5000 }), 500n, 5000);
    const expected = new Uint8Array(5000);
    expected.fill(1, 12, 524).fill(0, 100, 150).fill(2, 3500, 3700).fill(3, 4500, 4600);
    expect(Buffer.compare(bytes, expected)).toBe(0);
    expect(await client.errorOf({ type: Command.Trim, offset: 1, length: 8191 })).toBe(0);
    expect(await client.errorOf({ type: Command.BlockStatus, offset: 1, length: 100 })).toBe(0);
    client.channel.destroy();
  });

  it.each([
    ['where the export says so', { device: mending(), unaligned: 'refuse' as const }, false],
    ['where the device cannot', { device: { ...mending(), takesAnyRange: false } }, false],
    ['where the client has asked for them', { device: mending() }, true],
  ])('is refused %s', async (_, one, asks) => {
    const client = await connect(one, asks);
    expect(await client.errorOf(write(512, 512, 1))).toBe(Einval);
    expect(await client.errorOf({ type: Command.Read, offset: 0, length: 100 })).toBe(Einval);
    expect(await client.errorOf({ type: Command.Read, offset: 4096, length: 4096 })).toBe(0);
    client.channel.destroy();
  });
});

describe('A7: an export whose size is no multiple of its blocks', () => {
  it('lets a request through that ends with it, and no other that does not fit', async () => {
    const memory = createMemoryDevice({ size: size + 1000 });
    const device = {
      ...wrapped(memory, (_command, go) => go()),
      geometry: { ...memory.geometry, minimumBlockSize: 4096, preferredBlockSize: 4096 },
    };
    const client = await connect({ device }, true);
    expect(await client.errorOf({ type: Command.Read, offset: size, length: 1000 })).toBe(0);
    expect(await client.errorOf({ type: Command.Read, offset: size - 4096, length: 5096 })).toBe(0);
    expect(await client.errorOf(write(size, 1000, 1))).toBe(0);
    expect(await client.errorOf({ type: Command.BlockStatus, offset: 0, length: size + 1000 })).toBe(0);
    expect(await client.errorOf({ type: Command.Read, offset: size, length: 512 })).toBe(Einval);
    expect(await client.errorOf({ type: Command.Read, offset: size + 500, length: 500 })).toBe(Einval);
    client.channel.destroy();
  });
});

it('S62: extents are told in whole blocks, the first one as well when it is asked for alone', async () => {
  const memory = createMemoryDevice({ size });
  const hole = BigInt(AllocationStatus.Hole | AllocationStatus.Zero);
  const asked: unknown[] = [];
  const device: BlockDevice = {
    ...wrapped(memory, (_command, go) => go()),
    geometry: { ...memory.geometry, minimumBlockSize: 4096, preferredBlockSize: 4096 },
    blockStatus: (_offset, _length, options) => {
      asked.push(options?.one);
      const extents = [
        { offset: 0n, length: 5000n, status: hole },
        { offset: 5000n, length: 1000n, status: 0n },
        { offset: 6000n, length: BigInt(size) - 6000n, status: hole },
      ];
      return [{ context: baseAllocation, extents }];
    },
  };
  const client = await connect({ device }, true);
  const lengths = async (flags: number) => {
    const [reply] = await client.ask({ type: Command.BlockStatus, flags, offset: 0, length: size });
    const view = new DataView(
      reply?.content.buffer ?? new ArrayBuffer(0),
      reply?.content.byteOffset,
      reply?.content.length,
    );
    return Array.from({ length: (view.byteLength - 4) / 8 }, (_, index) => view.getUint32(4 + 8 * index));
  };
  expect(await lengths(0)).toEqual([4096, 4096, size - 8192]);
  expect(await lengths(CommandFlag.ReqOne)).toEqual([4096]);
  expect(asked).toEqual([false, false]);
  client.channel.destroy();
});
