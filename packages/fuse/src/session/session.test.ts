/** The session with the kernel, without one. */
import { type BlockDevice, CommandError, UsageError } from '@nbdjs/interfaces';
import { Layer } from '@nbdjs/kit';
import { createMemoryDevice } from '@nbdjs/storage';
import { VirtualClock } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import * as kernel from '../../test/kernel.ts';
import { DeviceFile } from '../files/device-file.ts';
import { FileTree } from '../files/file-tree.ts';
import { AttributeFlag, Errno, Opcode, OpenFlag } from '../protocol/numbers.ts';
import { FuseSession } from './session.ts';

const size = 1024 * 1024;
/** What the device in memory allocates at once, in bytes. */
const piece = 64 * 1024;

/** A device that holds its answers back until it is told, or fails. */
class SlowDevice extends Layer {
  readonly waiting: ((error?: Error) => void)[] = [];

  constructor() {
    super(createMemoryDevice({ size }), { passes: [] });
  }

  override async read(offset: number | bigint, target: Uint8Array): Promise<void> {
    await this.#told();
    await super.read(offset, target);
  }

  override async write(offset: number | bigint, source: Uint8Array): Promise<void> {
    await this.#told();
    await super.write(offset, source);
  }

  override flush(): Promise<void> {
    return this.#told();
  }

  #told(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push((error) => (error === undefined ? resolve() : reject(error)));
    });
  }
}

function start(device: BlockDevice = createMemoryDevice({ size }), { isSingle = false, readOnly = false } = {}) {
  const replies: kernel.Reply[] = [];
  const clock = new VirtualClock();
  let isPaused = false;
  const tree = new FileTree([new DeviceFile('nbd', device, readOnly, 0)], isSingle, {
    user: 1,
    group: 2,
    isShared: false,
  });
  const channel = {
    send: (bytes: Uint8Array, byteCount: number) => void replies.push(kernel.readReply(bytes.subarray(0, byteCount))),
    pause: () => {
      isPaused = true;
    },
    resume: () => {
      isPaused = false;
    },
  };
  const session = new FuseSession({ tree, channel, clock }, 'x64');
  let unique = 0;
  const ask = (opcode: number, node: number, ...content: readonly Uint8Array[]): number => {
    unique += 2;
    session.receive(kernel.message(opcode, unique, node, ...content));
    return unique;
  };
  /** Lets the device answer, and returns the last reply. */
  const answer = async (opcode: number, node: number, ...content: readonly Uint8Array[]): Promise<kernel.Reply> => {
    const asked = ask(opcode, node, ...content);
    await clock.advance(0);
    const reply = replies.find((one) => one.unique === asked);
    if (reply === undefined) throw new Error('no reply');
    return reply;
  };
  return { session, replies, clock, ask, answer, isPaused: () => isPaused };
}

const file = 2;

describe('the files', () => {
  it('agrees with the kernel, and finds the file', async () => {
    const { answer } = start();
    const { content } = await answer(Opcode.Init, 0, kernel.init());
    expect([content.getUint32(0, true), content.getUint32(4, true)]).toEqual([7, 39]);
    expect(content.getUint32(20, true)).toBe(1024 * 1024);
    expect(content.getUint16(28, true)).toBe(256);
    const found = await answer(Opcode.Lookup, 1, kernel.name('nbd'));
    expect([found.error, Number(found.content.getBigUint64(0, true))]).toEqual([0, file]);
    expect(Number(found.content.getBigUint64(48, true))).toBe(size);
    expect(await answer(Opcode.Lookup, 1, kernel.name('other'))).toMatchObject({ error: Errno.ENOENT });
    expect(await answer(Opcode.Lookup, file, kernel.name('x'))).toMatchObject({ error: Errno.ENOTDIR });
    expect(await answer(Opcode.GetAttributes, 3)).toMatchObject({ error: Errno.ENOENT });
  });

  it('refuses a kernel that is too old, and asks a newer one to speak ours', async () => {
    const { answer } = start();
    expect(await answer(Opcode.Init, 0, kernel.init(7, 12))).toMatchObject({ error: Errno.EPROTO });
    const { content, error } = await answer(Opcode.Init, 0, kernel.init(8, 0));
    expect([error, content.getUint32(0, true)]).toEqual([0, 7]);
  });

  it('is the mount itself when it is mounted over a file', async () => {
    const { answer } = start(createMemoryDevice({ size }), { isSingle: true });
    const { content } = await answer(Opcode.GetAttributes, 1);
    expect(content.getUint32(76, true)).toBe(0o100600);
    expect(await answer(Opcode.Lookup, 1, kernel.name('nbd'))).toMatchObject({ error: Errno.ENOTDIR });
  });

  it('lets direct writes run side by side where the kernel can', async () => {
    const { answer } = start();
    const flags = async (open: number) =>
      (await answer(Opcode.Open, file, kernel.open(open))).content.getUint32(8, true);
    expect(await flags(0o40002)).toBe(OpenFlag.NoFlush);
    await answer(Opcode.Init, 0, kernel.init());
    expect(await flags(0o40002)).toBe(OpenFlag.NoFlush | OpenFlag.DirectIo | OpenFlag.ParallelDirectWrites);
    expect(await flags(2)).toBe(OpenFlag.NoFlush);
  });
});

describe('reading and writing', () => {
  it('reads what was written, and no byte past the end', async () => {
    const { answer } = start();
    const { content: written } = await answer(
      Opcode.Write,
      file,
      kernel.write(size - 4, Uint8Array.of(1, 2, 3, 4, 5, 6)),
    );
    expect(written.getUint32(0, true)).toBe(4);
    const { content } = await answer(Opcode.Read, file, kernel.read(size - 6, 4096));
    expect([...new Uint8Array(content.buffer, content.byteOffset)]).toEqual([0, 0, 1, 2, 3, 4]);
    for (const offset of [size, size + 1, 2n ** 62n, 2n ** 64n - 1n]) {
      expect((await answer(Opcode.Read, file, kernel.read(offset, 4096))).content.byteLength).toBe(0);
      expect(await answer(Opcode.Write, file, kernel.write(offset, Uint8Array.of(1)))).toMatchObject({
        error: Errno.ENOSPC,
      });
    }
    expect(await answer(Opcode.Read, file, kernel.read(0, 2 ** 31))).toMatchObject({ error: Errno.EINVAL });
    expect(await answer(Opcode.Read, 1, kernel.read(0, 1))).toMatchObject({ error: Errno.EISDIR });
  });

  it('refuses to write where that is not allowed', async () => {
    const { answer } = start(createMemoryDevice({ size }), { readOnly: true });
    expect(await answer(Opcode.Open, file, kernel.open(2))).toMatchObject({ error: Errno.EROFS });
    expect(await answer(Opcode.Open, file, kernel.open(0))).toMatchObject({ error: 0 });
    expect(await answer(Opcode.Write, file, kernel.write(0, Uint8Array.of(1)))).toMatchObject({ error: Errno.EROFS });
    expect(await answer(Opcode.Allocate, file, kernel.allocate(0, 1, 3))).toMatchObject({ error: Errno.EROFS });
    const { content } = await answer(Opcode.GetAttributes, file);
    expect(content.getUint32(76, true)).toBe(0o100444);
  });

  it('keeps its size: an O_TRUNC that did nothing would leave old bytes where a program expects zeroes', async () => {
    const { answer } = start();
    const resize = (to: number) => answer(Opcode.SetAttributes, file, kernel.setAttributes(AttributeFlag.Size, to));
    expect(await resize(0)).toMatchObject({ error: Errno.EPERM });
    expect(await resize(size + 1)).toMatchObject({ error: Errno.EPERM });
    expect(await resize(size)).toMatchObject({ error: 0 });
    expect(await answer(Opcode.SetAttributes, file, kernel.setAttributes(AttributeFlag.Mode, 0))).toMatchObject({
      error: Errno.EPERM,
    });
  });

  it('finds data and holes, and makes holes', async () => {
    const { answer } = start();
    await answer(Opcode.Write, file, kernel.write(2 * piece, new Uint8Array(piece).fill(7)));
    const seek = async (offset: number | bigint, whence: number) => {
      const { error, content } = await answer(Opcode.Seek, file, kernel.seek(offset, whence));
      return error === 0 ? Number(content.getBigUint64(0, true)) : -error;
    };
    const places = async () => [await seek(0, 3), await seek(0, 4), await seek(2 * piece, 4), await seek(3 * piece, 3)];
    expect(await places()).toEqual([2 * piece, 0, 3 * piece, -Errno.ENXIO]);
    expect([await seek(size, 3), await seek(0, 2), await seek(2n ** 63n, 4)]).toEqual([
      -Errno.ENXIO,
      -Errno.EINVAL,
      -Errno.ENXIO,
    ]);
    const zero = async (offset: number, length: number | bigint, mode: number) =>
      (await answer(Opcode.Allocate, file, kernel.allocate(offset, length, mode))).error;
    expect(await zero(2 * piece, piece, 3)).toBe(0);
    expect(await seek(0, 3)).toBe(-Errno.ENXIO);
    expect(await zero(0, 2n ** 62n, 0x11)).toBe(0);
    expect(await zero(0, size + 1, 0x10)).toBe(Errno.ENOSPC);
    expect(await zero(0, 4096, 0)).toBe(Errno.EOPNOTSUPP);
    expect(await zero(0, 4096, 0x08)).toBe(Errno.EOPNOTSUPP);
  });
});

describe('bad messages', () => {
  it('answers what it does not know, and ends at nothing', async () => {
    const { answer, ask, replies, session } = start();
    expect(await answer(4711, file)).toMatchObject({ error: Errno.ENOSYS });
    expect(await answer(Opcode.Create, 1, kernel.name('x'))).toMatchObject({ error: Errno.EPERM });
    for (const opcode of [
      Opcode.Read,
      Opcode.Write,
      Opcode.Open,
      Opcode.Seek,
      Opcode.Allocate,
      Opcode.SetAttributes,
      Opcode.Lookup,
    ]) {
      expect(await answer(opcode, file, new Uint8Array(3).fill(1))).toMatchObject({ error: Errno.EINVAL });
    }
    const before = replies.length;
    for (const opcode of [Opcode.Forget, Opcode.BatchForget, Opcode.Interrupt]) ask(opcode, file, new Uint8Array(3));
    session.receive(new Uint8Array(10));
    session.receive(new Uint8Array(0));
    expect(replies).toHaveLength(before);
    expect(await answer(Opcode.StatFilesystem, 1)).toMatchObject({ error: 0 });
  });
});

describe('devices', () => {
  it('gives errors of the device to the program', async () => {
    const device = new SlowDevice();
    const { ask, replies, clock } = start(device);
    const errors: readonly [Error, number][] = [
      [new CommandError('ENOSPC', 'full'), Errno.ENOSPC],
      [new CommandError('EPERM', 'no'), Errno.EPERM],
      [new CommandError('ENOTSUP', 'no'), Errno.EOPNOTSUPP],
      [new UsageError('ERR_NBD_READ_ONLY', 'no'), Errno.EROFS],
      [new UsageError('ERR_NBD_CLOSED', 'closed'), Errno.EIO],
      [new Error('lost'), Errno.EIO],
    ];
    for (const [error] of errors) {
      ask(Opcode.Write, file, kernel.write(0, Uint8Array.of(1)));
      device.waiting.shift()?.(error);
    }
    await clock.advance(0);
    expect(replies.map((reply) => reply.error)).toEqual(errors.map(([, number]) => number));
  });

  it('flushes when something was written, and has a second caller wait for the flush under way', async () => {
    const device = new SlowDevice();
    const { ask, answer, replies, clock } = start(device);
    expect(await answer(Opcode.Flush, file)).toMatchObject({ error: 0 });
    expect(device.waiting).toHaveLength(0);
    ask(Opcode.Write, file, kernel.write(0, Uint8Array.of(1)));
    device.waiting.shift()?.();
    await clock.advance(0);
    const before = replies.length;
    ask(Opcode.Sync, file);
    ask(Opcode.Flush, file);
    await clock.advance(0);
    expect([device.waiting.length, replies.length]).toEqual([1, before]);
    device.waiting.shift()?.();
    await clock.advance(0);
    expect(replies.slice(before).map(({ error }) => error)).toEqual([0, 0]);
  });

  it('flushes when a file is closed that was written to, and has nobody wait for that', async () => {
    const device = new SlowDevice();
    const { ask, answer, clock } = start(device);
    ask(Opcode.Write, file, kernel.write(0, Uint8Array.of(1)));
    device.waiting.shift()?.();
    expect(await answer(Opcode.Release, file)).toMatchObject({ error: 0 });
    expect(device.waiting).toHaveLength(1);
    device.waiting.shift()?.(new CommandError('EIO', 'bad'));
    await clock.advance(0);
    expect(await answer(Opcode.Release, file)).toMatchObject({ error: 0 });
    expect(device.waiting).toHaveLength(1);
  });

  it('flushes again after a flush that has failed', async () => {
    const device = new SlowDevice();
    const { ask, replies, clock } = start(device);
    ask(Opcode.Write, file, kernel.write(0, Uint8Array.of(1)));
    device.waiting.shift()?.();
    await clock.advance(0);
    for (const error of [new CommandError('EIO', 'bad'), undefined]) {
      ask(Opcode.Sync, file);
      device.waiting.shift()?.(error);
      await clock.advance(0);
    }
    expect(replies.map(({ error }) => error)).toEqual([0, Errno.EIO, 0]);
  });

  it('lets a caller go that was interrupted, later, and only where nothing is changed', async () => {
    const device = new SlowDevice();
    const { ask, replies, clock } = start(device);
    const reading = ask(Opcode.Read, file, kernel.read(0, 4096));
    const writing = ask(Opcode.Write, file, kernel.write(0, Uint8Array.of(1)));
    for (const unique of [reading, writing, 99]) ask(Opcode.Interrupt, 0, kernel.fields([64, unique]));
    await clock.advance(900);
    expect(replies).toEqual([]);
    await clock.advance(200);
    expect(replies).toMatchObject([{ unique: reading, error: Errno.EINTR }]);
    // What the device answers now is nobody's any more.
    for (const settle of device.waiting) settle();
    await clock.advance(0);
    expect(replies).toMatchObject([{ unique: reading }, { unique: writing, error: 0 }]);
    expect(clock.pending).toBe(0);
  });

  it('asks for no more while much is under way', async () => {
    const device = new SlowDevice();
    const large = new FakeSize(device);
    const { ask, clock, isPaused, replies } = start(large);
    for (let count = 0; count < 64; count++) ask(Opcode.Read, file, kernel.read(0, 1024 * 1024));
    expect(isPaused()).toBe(false);
    ask(Opcode.Read, file, kernel.read(0, 1024 * 1024));
    expect(isPaused()).toBe(true);
    for (const settle of device.waiting.splice(0, 34)) settle(new CommandError('EIO', 'x'));
    await clock.advance(0);
    expect([isPaused(), replies.length]).toEqual([false, 34]);
  });
});

/** Says that it is longer than it is. */
class FakeSize extends Layer {
  constructor(inner: BlockDevice) {
    super(inner, { passes: [], geometry: (below) => ({ ...below, size: 2n ** 40n }) });
  }
}
