/** The server's transmission phase against the rules, request by request. */
import { type BlockDevice, CommandError, type HeaderMode, type Offset, type ReadOptions } from '@nbdjs/interfaces';
import { ChunkType, Command, CommandFlag, TransmissionFlag, WireError } from '@nbdjs/protocol';
import { createMemoryDevice } from '@nbdjs/storage';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createServer, type Server } from '../src/index.ts';
import { assemble, filterPayload, RawClient } from './support.ts';
import { asynchronous, wrapped } from './wrapped-device.ts';

const size = 4 * 2 ** 20;
const modes: readonly HeaderMode[] = ['simple', 'structured', 'extended'];
const { Eperm, Eio, Einval, Enospc, Eoverflow, Enotsup, Eshutdown } = WireError;

function serve(device: BlockDevice = createMemoryDevice({ size }), options: { readOnly?: boolean } = {}): Server {
  return createServer({ exports: { '': { device, ...options } } });
}

/** A payload that begins with another byte wherever it is. */
const bytes = (length: number, first = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (first + index) % 251);

describe.each(modes)('with %s headers', (mode) => {
  const write = (offset: number, payload: Uint8Array, flags = 0) => ({
    type: Command.Write,
    flags: flags | (mode === 'extended' ? CommandFlag.PayloadLen : 0),
    offset,
    payload,
  });

  it('S37, S42, S48: reads what was written, cookies unchanged', async () => {
    const client = await RawClient.connect(serve(), mode);
    const cookie = 0xfedc_ba98_7654_3210n;
    expect(await client.errorOf({ ...write(100, bytes(300_000)), cookie })).toBe(0);
    const replies = await client.ask({
      type: Command.Read,
      offset: 50,
      length: 300_100,
      cookie: 0xffff_ffff_ffff_ffffn,
    });
    const { bytes: read } = assemble(replies, 50n, 300_100);
    expect(Buffer.compare(read.subarray(50, 300_050), bytes(300_000))).toBe(0);
    expect(read.subarray(0, 50).every((byte) => byte === 0)).toBe(true);
    client.channel.destroy();
  });

  it('stores what is written without a detour, however it is cut, and answers nothing before all of it is there', async () => {
    const device = createMemoryDevice({ size });
    const written: number[] = [];
    const writeThrough = device.write.bind(device);
    device.write = (offset, source, options) => {
      written.push(source.length);
      return writeThrough(offset, source, options);
    };
    const client = await RawClient.connect(serve(device), mode);
    // The second does not lie in one piece of the device's memory.
    const places = [
      [4096, 200_000],
      [262_000, 1000],
      [600_000, 7],
    ] as const;
    for (const [offset, length] of places) {
      expect(await client.errorOf(write(offset, bytes(length, offset % 200), CommandFlag.Fua))).toBe(0);
    }
    expect(written).toEqual([1000]);
    for (const [offset, length] of places) {
      const target = new Uint8Array(length);
      await device.read(offset, target);
      expect(Buffer.compare(target, bytes(length, offset % 200))).toBe(0);
    }
    expect(await client.errorOf(write(size - 4, bytes(8)))).toBe(Enospc);
    client.channel.destroy();
  });

  it('answers with the error of a device that cannot lend its memory', async () => {
    const device = createMemoryDevice({ size });
    const writableView = (): never => {
      throw new CommandError('ENOSPC', 'all memory is lent');
    };
    Object.assign(device, { memory: { view: () => undefined, writableView } });
    const client = await RawClient.connect(serve(device), mode);
    expect(await client.errorOf(write(0, bytes(5000)))).toBe(Enospc);
    expect(await client.errorOf({ type: Command.Read, offset: 0, length: 10 })).toBe(0);
    client.channel.destroy();
  });

  it('S38, S39, S70: answers in the agreed form, DONE on the last chunk only', async () => {
    const client = await RawClient.connect(serve(), mode);
    await client.ask(write(0, bytes(65_536)));
    await client.ask(write(196_608, bytes(65_536)));
    const read = await client.ask({ type: Command.Read, offset: 0, length: 262_144 });
    const flush = await client.ask({ type: Command.Flush });
    expect(read.map(({ type }) => type)).toEqual(
      mode === 'simple' ? ['simple'] : [ChunkType.OffsetData, ChunkType.OffsetHole, ChunkType.OffsetData],
    );
    expect(read.map(({ isDone }) => isDone)).toEqual(mode === 'simple' ? [true] : [false, false, true]);
    expect(flush.map(({ type }) => type)).toEqual([mode === 'extended' ? ChunkType.None : 'simple']);
    for (const reply of [...read, ...flush]) expect(reply.requestOffset).toBe(mode === 'extended' ? 0n : undefined);
    client.channel.destroy();
  });

  it('S53: refuses what writes to a read-only export, and stays in step', async () => {
    const client = await RawClient.connect(serve(undefined, { readOnly: true }), mode);
    expect(client.facts.transmissionFlags & TransmissionFlag.ReadOnly).not.toBe(0);
    expect(await client.errorOf(write(0, bytes(5000)))).toBe(Eperm);
    expect(await client.errorOf({ type: Command.Trim, length: 512 })).toBe(Eperm);
    expect(await client.errorOf({ type: Command.WriteZeroes, length: 512 })).toBe(Eperm);
    expect(await client.errorOf({ type: Command.Read, length: 512 })).toBe(0);
    client.channel.destroy();
  });

  it('S54: ENOSPC for writes past the end, EINVAL for the rest', async () => {
    const client = await RawClient.connect(serve(), mode);
    for (const offset of [size - 511, size, 2 ** 40, 2 ** 53, 0x7fff_ffff_ffff_ffffn, 0xffff_ffff_ffff_fe00n]) {
      expect(await client.errorOf({ ...write(0, bytes(512)), offset })).toBe(Enospc);
      expect(await client.errorOf({ type: Command.WriteZeroes, offset, length: 512 })).toBe(Enospc);
      expect(await client.errorOf({ type: Command.Read, offset, length: 512 })).toBe(Einval);
      expect(await client.errorOf({ type: Command.Trim, offset, length: 512 })).toBe(Einval);
      expect(await client.errorOf({ type: Command.Cache, offset, length: 512 })).toBe(Einval);
    }
    expect(await client.errorOf({ type: Command.Read, offset: size - 512, length: 512 })).toBe(0);
    client.channel.destroy();
  });

  it('S55: EINVAL for what is not aligned', async () => {
    const inner = createMemoryDevice({ size });
    const device = { ...wrapped(inner, (_, go) => go()), geometry: { ...inner.geometry, minimumBlockSize: 4096 } };
    const client = await RawClient.connect(serve(device), mode);
    expect(await client.errorOf({ type: Command.Read, offset: 512, length: 4096 })).toBe(Einval);
    expect(await client.errorOf({ type: Command.Read, offset: 4096, length: 512 })).toBe(Einval);
    expect(await client.errorOf(write(1, bytes(4096)))).toBe(Einval);
    expect(await client.errorOf({ type: Command.Trim, offset: 0, length: 4097 })).toBe(Einval);
    expect(await client.errorOf({ type: Command.Read, offset: 4096, length: 4096 })).toBe(0);
    client.channel.destroy();
  });

  it('S56, S61: EINVAL for unknown commands, unknown flags, and flags of other commands', async () => {
    const client = await RawClient.connect(serve(), mode);
    for (const type of [8, 9, 100, 0xffff]) expect(await client.errorOf({ type, length: 512 })).toBe(Einval);
    expect(await client.errorOf({ type: Command.Read, flags: 1 << 14, length: 512 })).toBe(Einval);
    expect(await client.errorOf({ type: Command.Read, flags: CommandFlag.NoHole, length: 512 })).toBe(Einval);
    expect(await client.errorOf({ type: Command.Flush, flags: CommandFlag.ReqOne })).toBe(Einval);
    expect(await client.errorOf({ type: Command.Cache, flags: CommandFlag.Df, length: 1 })).toBe(Einval);
    expect(await client.errorOf({ type: Command.Trim, flags: CommandFlag.FastZero, length: 1 })).toBe(Einval);
    expect(await client.errorOf(write(0, bytes(1000), CommandFlag.Df))).toBe(Einval);
    expect(await client.errorOf({ type: Command.Read, flags: CommandFlag.Df, length: 512 })).toBe(
      mode === 'simple' ? Einval : 0,
    );
    client.channel.destroy();
  });

  it('S49: takes FUA on every command', async () => {
    const client = await RawClient.connect(serve(), mode);
    for (const type of [Command.Read, Command.Trim, Command.Cache, Command.WriteZeroes]) {
      expect(await client.errorOf({ type, flags: CommandFlag.Fua, length: 512 })).toBe(0);
    }
    expect(await client.errorOf({ type: Command.Flush, flags: CommandFlag.Fua })).toBe(0);
    expect(await client.errorOf(write(0, bytes(512), CommandFlag.Fua))).toBe(0);
    client.channel.destroy();
  });

  it('S49: makes FUA of a flush where the device knows nothing better', async () => {
    const calls: string[] = [];
    const inner = createMemoryDevice({ size });
    const device = wrapped(inner, async (command, go) => {
      calls.push(command);
      return go();
    });
    const server = serve({ ...device, abilities: { ...inner.abilities, fua: false } });
    const client = await RawClient.connect(server, mode);
    await client.ask(write(0, bytes(512), CommandFlag.Fua));
    await client.ask(write(0, bytes(512)));
    expect(calls).toEqual(['write', 'flush', 'write']);
    client.channel.destroy();
  });

  it('S38, S40, S58: does nothing, and says so, for no bytes', async () => {
    const client = await RawClient.connect(serve(), mode);
    for (const type of [Command.Read, Command.Write, Command.Trim, Command.Cache, Command.WriteZeroes]) {
      const [reply, ...others] = await client.ask({ type, length: 0, offset: size });
      expect(others).toEqual([]);
      expect(reply).toMatchObject({ error: 0, isDone: true });
      const isChunked = mode === 'extended' || (mode === 'structured' && type === Command.Read);
      expect(reply?.type).toBe(isChunked ? ChunkType.None : 'simple');
    }
    expect(await client.errorOf({ type: Command.BlockStatus, length: 0 })).toBe(Einval);
    client.channel.destroy();
  });

  it('S57, S64, S76: EOVERFLOW for reads that are too long, without hanging up', async () => {
    const client = await RawClient.connect(serve(createMemoryDevice({ size: 2 ** 40 })), mode);
    const lengths = mode === 'extended' ? [2 ** 25 + 1, 2 ** 33] : [2 ** 25 + 1, 2 ** 32 - 1];
    for (const length of lengths) {
      const [reply] = await client.ask({ type: Command.Read, length });
      expect(reply?.error).toBe(Eoverflow);
    }
    for (const type of [Command.Trim, Command.WriteZeroes, Command.Cache]) {
      expect(await client.errorOf({ type, length: lengths[1] ?? 0 })).toBe(0);
    }
    client.channel.destroy();
  });

  it('S72, G6: takes note of a write that is too long, or hangs up when it is far too long', async () => {
    const client = await RawClient.connect(serve(createMemoryDevice({ size: 2 ** 40 })), mode);
    expect(await client.errorOf(write(0, new Uint8Array(2 ** 25 + 4096)))).toBe(Einval);
    expect(await client.errorOf({ type: Command.Flush })).toBe(0);
    client.send({ type: Command.Write, length: 2 ** 31 });
    await expect(client.until(() => false)).rejects.toThrow('ended');
  });

  it('C63: hangs up on what is no request', async () => {
    const client = await RawClient.connect(serve(), mode);
    client.channel.send([new Uint8Array(64).fill(0x55)]);
    await expect(client.until(() => false)).rejects.toThrow('ended');
  });

  it('S45, S57: gives the number of what went wrong in the device, for that request only', async () => {
    const failures: Readonly<Record<number, () => unknown>> = {
      0: () => {
        throw new CommandError('ENOMEM', 'no memory');
      },
      512: () => Promise.reject(Object.assign(new Error('disk full'), { code: 'EDQUOT' })),
      1024: () => Promise.reject(Object.assign(new Error('gone'), { code: 'EROFS' })),
      1536: () => {
        throw new TypeError('a bug');
      },
      2048: () => Promise.reject(new CommandError('ENOTSUP', 'never heard of it')),
      2560: () => Promise.reject('no error at all'),
    };
    const device = wrapped(createMemoryDevice({ size }), (_, go, args) => (failures[Number(args[0])] ?? go)());
    const client = await RawClient.connect(serve(device), mode);
    const expected = [WireError.Enomem, Enospc, Eperm, Eio, Einval, Eio, 0];
    const requests = expected.map((_, index) => ({ type: Command.Read, offset: 512 * index, length: 512 }));
    const cookies = client.send(...requests);
    for (const [index, cookie] of cookies.entries()) {
      const replies = await client.answerTo(cookie);
      expect(replies.map(({ error }) => error)).toEqual([expected[index]]);
      if (mode !== 'simple' && index === 1) {
        expect(new TextDecoder().decode(replies[0]?.content.subarray(6))).toBe('disk full');
      }
    }
    client.channel.destroy();
  });

  it('S59: ENOTSUP is for fast zeroing only', async () => {
    const device = wrapped(createMemoryDevice({ size }), (command, go) => {
      if (command === 'writeZeroes') throw new CommandError('ENOTSUP', 'slow');
      return go();
    });
    const client = await RawClient.connect(serve(device), mode);
    const zero = { type: Command.WriteZeroes, length: 512 };
    expect(await client.errorOf({ ...zero, flags: CommandFlag.FastZero })).toBe(Enotsup);
    expect(await client.errorOf(zero)).toBe(Einval);
    client.channel.destroy();
  });

  it('S65, S50: lets replies overtake each other; a flush does not wait for writes that were not answered', async () => {
    const waiting: (() => void)[] = [];
    const device = wrapped(createMemoryDevice({ size }), (command, go) =>
      command === 'read' ? new Promise<void>((resolve) => waiting.push(resolve)).then(go as () => void) : go(),
    );
    const client = await RawClient.connect(serve(device), mode);
    const [first, second, flush] = client.send(
      { type: Command.Read, length: 4096 },
      { type: Command.Read, length: 40_960 },
      { type: Command.Flush },
    );
    await client.answerTo(flush as bigint);
    waiting[1]?.();
    await client.answerTo(second as bigint);
    expect(client.replies.some(({ cookie }) => cookie === first)).toBe(false);
    waiting[0]?.();
    await client.answerTo(first as bigint);
    client.channel.destroy();
  });

  it('S52: finishes what is under way before it hangs up, and hears nothing behind DISC', async () => {
    const server = serve(asynchronous(createMemoryDevice({ size })));
    const client = await RawClient.connect(server, mode);
    const cookies = client.send(
      ...Array.from({ length: 50 }, (_, index) => write(index * 4096, bytes(4096))),
      { type: Command.Disconnect, flags: 77, offset: 5, length: 0 },
      { type: Command.Read, length: 512, cookie: 999n },
    );
    await expect(client.until(() => false)).rejects.toThrow('ended');
    expect(client.replies.length).toBe(50);
    for (const cookie of cookies.slice(0, 50))
      expect(client.replies.some((reply) => reply.cookie === cookie)).toBe(true);
    expect(server.bytesInFlight).toBe(0);
    await expect.poll(() => server.sessions.length).toBe(0);
  });

  it('S66: finishes what is under way when it shuts down, and says ESHUTDOWN to the rest', async () => {
    let finish: () => void = () => {};
    const device = wrapped(createMemoryDevice({ size }), (command, go) =>
      command === 'read'
        ? new Promise<void>((resolve) => {
            finish = resolve;
          }).then(go as () => void)
        : go(),
    );
    const server = serve(device);
    const client = await RawClient.connect(server, mode);
    const [reading] = client.send({ type: Command.Read, length: 512 });
    await client.errorOf({ type: Command.Flush });
    const closing = server.close();
    expect(await client.errorOf(write(0, bytes(512)))).toBe(Eshutdown);
    finish();
    expect((await client.answerTo(reading as bigint)).map(({ error }) => error)).toEqual([0]);
    await expect(client.until(() => false)).rejects.toThrow('ended');
    await closing;
  });

  it('does what a model does, any requests at a time, however they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.array(fc.nat(6), { minLength: 1, maxLength: 60 }), async (seed, kinds) => {
        const client = await RawClient.connect(serve(asynchronous(createMemoryDevice({ size }), seed)), mode);
        const model = new Uint8Array(size);
        const area = 65_536;
        const requests = kinds.map((kind, index) => {
          const offset = index * area;
          const length = 1 + ((Math.abs(seed) + index * 7919) % area);
          if (kind < 4) {
            model.set(bytes(length, index), offset);
            return write(offset, bytes(length, index), kind === 0 ? CommandFlag.Fua : 0);
          }
          return { type: kind === 4 ? Command.Read : kind === 5 ? Command.Trim : Command.WriteZeroes, offset, length };
        });
        const cookies = client.send(...requests);
        for (const cookie of cookies)
          expect((await client.answerTo(cookie)).every(({ error }) => error === 0)).toBe(true);
        const replies = await client.ask({ type: Command.Read, length: size });
        expect(Buffer.compare(assemble(replies, 0n, size).bytes, model)).toBe(0);
        client.channel.destroy();
      }),
      { numRuns: 15 },
    );
  });
});

describe.each(['structured', 'extended'] as const)('block status and holes with %s headers', (mode) => {
  const status = { type: Command.BlockStatus, offset: 0, length: size };

  it('S62, S71: one chunk per context, extents consecutive, neighbours merged, none past the end', async () => {
    const inner = createMemoryDevice({ size });
    await inner.write(0, bytes(131_072));
    await inner.write(1_048_576, bytes(65_536));
    const client = await RawClient.connect(serve(inner), mode);
    expect(extentsOf(await client.ask(status), mode)).toEqual([
      [131_072n, 0n],
      [917_504n, 3n],
      [65_536n, 0n],
      [3_080_192n, 3n],
    ]);
    expect(
      extentsOf(await client.ask({ ...status, flags: CommandFlag.ReqOne, offset: 1000, length: 5000 }), mode),
    ).toEqual([[5000n, 0n]]);
    client.channel.destroy();
  });

  it('S63: EINVAL for block status without a context', async () => {
    const client = await RawClient.connect(serve(), mode, []);
    expect(await client.errorOf(status)).toBe(Einval);
    client.channel.destroy();
  });

  it('S62: an error when the device does not know, and the next request goes on', async () => {
    const device = wrapped(createMemoryDevice({ size }), (command, go) => (command === 'blockStatus' ? [] : go()));
    const client = await RawClient.connect(serve(device), mode);
    const replies = await client.ask(status);
    expect(replies.map(({ error, isDone }) => [error, isDone])).toEqual([[Eio, true]]);
    expect(await client.errorOf({ type: Command.Flush })).toBe(0);
    client.channel.destroy();
  });

  it('S71: serves contexts that the device defines, in its order', async () => {
    const client = await RawClient.connect(serve(coloured()), mode, ['user:colour', 'base:allocation']);
    const replies = await client.ask(status);
    expect(replies.map(({ type }) => type)).toEqual(
      Array.from({ length: 2 }, () => (mode === 'extended' ? ChunkType.BlockStatusExt : ChunkType.BlockStatus)),
    );
    expect(replies.map(({ isDone }) => isDone)).toEqual([false, true]);
    const colour = client.facts.contexts.find(({ name }) => name === 'user:colour');
    expect(
      extentsOf(
        replies.filter(({ content }) => idOf(content) === colour?.id),
        mode,
      ),
    ).toEqual([
      [1024n, 7n],
      [BigInt(size) - 1024n, 9n],
    ]);
    client.channel.destroy();
  });

  it('S46: DF brings one chunk, zeroes written out', async () => {
    const inner = createMemoryDevice({ size });
    await inner.write(65_536, bytes(65_536));
    const client = await RawClient.connect(serve(inner), mode);
    const read = { type: Command.Read, offset: 0, length: 196_608 };
    const [whole, ...rest] = await client.ask({ ...read, flags: CommandFlag.Df });
    expect(rest).toEqual([]);
    expect(whole?.type).toBe(ChunkType.OffsetData);
    const sparse = await client.ask(read);
    expect(assemble(sparse, 0n, 196_608).holes).toBe(2);
    expect(assemble(sparse, 0n, 196_608).bytes).toEqual(whole?.content.subarray(8));
    client.channel.destroy();
  });

  it('S41: holes that a device tells of while it reads become hole chunks', async () => {
    const device = wrapped(createMemoryDevice({ size }), async (_, go) => go());
    await device.write(0, bytes(65_536));
    const client = await RawClient.connect(serve(device), mode);
    const replies = await client.ask({ type: Command.Read, length: 262_144 });
    expect(replies.map(({ type }) => type)).toEqual([ChunkType.OffsetData, ChunkType.OffsetHole]);
    expect(assemble(replies, 0n, 262_144).bytes.subarray(0, 65_536)).toEqual(bytes(65_536));
    client.channel.destroy();
  });

  it.each([
    ['twice', 0, 2],
    ['not at all', 65_536, 1],
  ])('S41: one that reports pieces %s gets each byte into the reply once', async (_, start, times) => {
    const memory = createMemoryDevice({ size });
    await memory.write(0, bytes(65_536));
    const device = Object.assign(
      wrapped(memory, async (_, go) => go()),
      {
        read: async (offset: Offset, target: Uint8Array, options?: ReadOptions) => {
          for (let time = 0; time < times; time++) {
            await memory.read(offset, target, {
              onChunk: (chunk) => chunk.position >= start && options?.onChunk?.(chunk),
            });
          }
        },
      },
    );
    const client = await RawClient.connect(serve(device), mode);
    const replies = await client.ask({ type: Command.Read, length: 262_144 });
    expect(replies.map(({ type }) => type)).toEqual([ChunkType.OffsetData]);
    expect(assemble(replies, 0n, 262_144).bytes.subarray(0, 65_536)).toEqual(bytes(65_536));
    client.channel.destroy();
  });
});

describe('extended headers', () => {
  it('S72: takes a write without PAYLOAD_LEN, and a payload where none belongs', async () => {
    const client = await RawClient.connect(serve(), 'extended');
    expect(await client.errorOf({ type: Command.Write, payload: bytes(512) })).toBe(0);
    const odd = { type: Command.Trim, flags: CommandFlag.PayloadLen, payload: bytes(100_000) };
    expect(await client.errorOf(odd)).toBe(Einval);
    expect(await client.errorOf({ ...odd, type: Command.Read })).toBe(Einval);
    expect(await client.errorOf({ ...odd, type: 99 })).toBe(Einval);
    expect(await client.errorOf({ type: Command.Read, length: 512 })).toBe(0);
    client.channel.destroy();
  });

  it('S73, S74: answers for the contexts that a payload names, and refuses other payloads', async () => {
    const client = await RawClient.connect(serve(coloured()), 'extended', ['user:colour', 'base:allocation']);
    expect(client.facts.transmissionFlags & TransmissionFlag.BlockStatusPayload).not.toBe(0);
    const id = client.facts.contexts.find(({ name }) => name === 'user:colour')?.id ?? -1;
    const ask = (payload: Uint8Array) => ({
      type: Command.BlockStatus,
      flags: CommandFlag.PayloadLen,
      payload,
    });
    const replies = await client.ask(ask(filterPayload(2048n, [id])));
    expect(replies.map(({ content }) => idOf(content))).toEqual([id]);
    expect(extentsOf(replies, 'extended')).toEqual([
      [1024n, 7n],
      [1024n, 9n],
    ]);
    for (const payload of [
      filterPayload(2048n, [id, id]),
      filterPayload(2048n, [77]),
      filterPayload(2048n, []),
      filterPayload(0n, [id]),
      bytes(13),
      bytes(4),
      bytes(500_000),
    ]) {
      expect(await client.errorOf(ask(payload))).toBe(Einval);
    }
    const plain = await RawClient.connect(serve(), 'extended', []);
    expect(plain.facts.transmissionFlags & TransmissionFlag.BlockStatusPayload).toBe(0);
    expect(await plain.errorOf(ask(filterPayload(2048n, [1])))).toBe(Einval);
    plain.channel.destroy();
    client.channel.destroy();
  });

  it('S71: tells of 8 EiB in one extent', async () => {
    const huge = 2n ** 63n - 512n;
    const client = await RawClient.connect(serve(createMemoryDevice({ size: huge })), 'extended');
    const replies = await client.ask({ type: Command.BlockStatus, length: huge });
    expect(extentsOf(replies, 'extended')).toEqual([[huge, 3n]]);
    expect(await client.errorOf({ type: Command.Trim, length: huge })).toBe(0);
    client.channel.destroy();
  });
});

/** A device with a context of its own. */
function coloured(): BlockDevice {
  const inner = createMemoryDevice({ size });
  const device = wrapped(inner, (command, go, args) => {
    if (command !== 'blockStatus') return go();
    const offset = BigInt(args[0] as bigint);
    const extents = [
      { offset: 0n, length: 1024n, status: 7n },
      { offset: 1024n, length: BigInt(size), status: 9n },
    ].filter((extent) => extent.offset + extent.length > offset);
    return [...(go() as object[]), { context: 'user:colour', extents }];
  });
  return { ...device, abilities: { ...inner.abilities, contexts: ['base:allocation', 'user:colour'] } };
}

function idOf(content: Uint8Array): number {
  return new DataView(content.buffer, content.byteOffset).getUint32(0);
}

/** Length and status of each extent of the first chunk. */
function extentsOf(replies: readonly { readonly content: Uint8Array }[], mode: HeaderMode): [bigint, bigint][] {
  const content = replies[0]?.content ?? new Uint8Array(0);
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  const extents: [bigint, bigint][] = [];
  if (mode === 'extended') {
    for (let at = 8; at < content.length; at += 16) extents.push([view.getBigUint64(at), view.getBigUint64(at + 8)]);
  } else {
    for (let at = 4; at < content.length; at += 8)
      extents.push([BigInt(view.getUint32(at)), BigInt(view.getUint32(at + 4))]);
  }
  return extents;
}
