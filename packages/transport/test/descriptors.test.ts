import { closeSync, fstatSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { adoptDescriptor, connectUnix, createMemoryPair, detachDescriptor } from '../src/index.ts';

let folder: string;
let path: string;
let server: Server;
const sockets = new Set<Socket>();

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nbdjs-transport-'));
  path = join(folder, 'socket');
  server = createServer((socket) => {
    sockets.add(socket);
    socket.pause();
  });
  await new Promise<void>((resolve) => void server.listen(path, resolve));
});

afterEach(() => {
  vi.unstubAllEnvs();
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  server.close();
  rmSync(folder, { recursive: true });
});

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

describe('detaching', () => {
  it('leaves the peer unaware and the sink uninformed', async () => {
    const channel = await connectUnix(path);
    const calls: string[] = [];
    channel.open({
      writable: () => new Uint8Array(10),
      advance: () => void calls.push('advance'),
      drained: () => void calls.push('drained'),
      ended: () => void calls.push('ended'),
    });
    await expect.poll(() => sockets.size).toBe(1);
    const [peer] = sockets;
    let hasPeerEnded = false;
    peer?.on('end', () => {
      hasPeerEnded = true;
    });
    peer?.resume();
    const detached = detachDescriptor(channel);
    expect(detached).toMatchObject({ fd: expect.any(Number), peer: { name: path, transport: 'unix' } });
    expect(await channel.closed).toEqual({ by: 'us', cause: undefined });
    expect(fstatSync(detached?.fd ?? -1).isSocket()).toBe(true);
    expect(hasPeerEnded).toBe(false);
    expect(calls).toEqual([]);
    closeSync(detached?.fd ?? -1);
    await expect.poll(() => hasPeerEnded).toBe(true);
  });

  it('gives every byte to the next owner, and loses no descriptor', async () => {
    const before = openDescriptors();
    for (let round = 0; round < 50; round++) {
      const first = await connectUnix(path);
      await expect.poll(() => sockets.size, { interval: 1 }).toBe(1);
      const [peer] = sockets;
      peer?.write(Buffer.from('greeting and the rest'));
      const heard: number[] = [];
      const memory = Buffer.alloc(8);
      const adopted = await new Promise<ReturnType<typeof adoptDescriptor>>((resolve, reject) => {
        first.open({
          writable: () => memory.subarray(0, Math.max(1, 8 - heard.length)),
          advance(byteCount) {
            heard.push(...memory.subarray(0, byteCount));
            if (heard.length < 8) return;
            first.pause(true);
            // The delivery under way has to end first: the channel may hold what came with it.
            setImmediate(() => {
              const detached = detachDescriptor(first);
              if (detached !== undefined) resolve(adoptDescriptor(detached.fd, detached.peer));
              else takeRest();
            });
          },
          drained() {},
          ended: reject,
        });
        /** What had come already is not in the kernel any more, so the channel stays where it is. */
        const takeRest = (): void => resolve(first);
      });
      const rest = await new Promise<string>((resolve) => {
        let text = '';
        const landing = Buffer.alloc(100);
        adopted.open({
          writable: () => landing,
          advance(byteCount) {
            text += landing.toString('latin1', 0, byteCount);
            if (text.length === 13) resolve(text);
          },
          drained() {},
          ended() {},
        });
        adopted.pause(false);
      });
      expect(`${Buffer.from(heard)}${rest}`).toBe('greeting and the rest');
      adopted.destroy();
      await adopted.closed;
      peer?.destroy();
      sockets.clear();
    }
    await expect.poll(openDescriptors).toBeLessThanOrEqual(before);
  });

  it('is refused while bytes are queued, in either direction', async () => {
    const channel = await connectUnix(path);
    const memory = new Uint8Array(1);
    const refusals: unknown[] = [];
    await expect.poll(() => sockets.size).toBe(1);
    const [peer] = sockets;
    peer?.write('two');
    await new Promise<void>((resolve) => {
      let count = 0;
      channel.open({
        writable: () => memory,
        advance() {
          // The first of the three bytes has come, the others are in the channel's own memory.
          if (count === 0) refusals.push(detachDescriptor(channel));
          count++;
          if (count === 3) resolve();
        },
        drained() {},
        ended() {},
      });
    });
    while (channel.send([new Uint8Array(65_536)]));
    refusals.push(detachDescriptor(channel));
    expect(refusals).toEqual([undefined, undefined]);
    channel.destroy();
    await channel.closed;
  });

  it('is refused for what is not a socket, what is closed, and without native calls', async () => {
    const [ours] = createMemoryPair();
    expect(detachDescriptor(ours)).toBeUndefined();
    ours.destroy();
    const channel = await connectUnix(path);
    vi.stubEnv('NBDJS_NO_NATIVE', '1');
    expect(detachDescriptor(channel)).toBeUndefined();
    vi.unstubAllEnvs();
    channel.destroy();
    await channel.closed;
    expect(detachDescriptor(channel)).toBeUndefined();
  });
});

describe('adopting', () => {
  it('refuses files, folders, and numbers that are not open', () => {
    const fd = openSync('/dev/null', 'r');
    expect(() => adoptDescriptor(fd)).toThrow(
      expect.objectContaining({ code: 'ERR_NBD_ARGUMENT', message: `descriptor ${fd} is not a socket` }),
    );
    // It is still its owner's.
    closeSync(fd);
    const symbol = Symbol('s') as unknown as number;
    expect(() => adoptDescriptor(symbol)).toThrow('descriptor Symbol(s) is not a connected socket');
    const folderFd = openSync(folder, 'r');
    expect(() => adoptDescriptor(folderFd)).toThrow(/is not a socket$/);
    closeSync(folderFd);
    for (const wrong of [99_999, -1, 1.5]) {
      expect(() => adoptDescriptor(wrong)).toThrow(expect.objectContaining({ code: 'ERR_NBD_ARGUMENT' }));
    }
  });
});
