import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { controlDevice, openNetlink, setIoFlusher, socketPair } from './index.ts';

const NETLINK_GENERIC = 16;

afterEach(() => void vi.unstubAllEnvs());

describe.runIf(process.platform === 'linux')('what it takes to give the kernel a device', () => {
  it('makes a pair of sockets that are connected', () => {
    const [one, other] = socketPair() as readonly [number, number];
    writeSync(one, 'through');
    const memory = Buffer.alloc(16);
    expect(memory.toString('utf8', 0, readSync(other, memory))).toBe('through');
    closeSync(one);
    expect(readSync(other, memory)).toBe(0);
    closeSync(other);
  });

  it('asks a part of the kernel by netlink, and gets the answers', async () => {
    const socket = openNetlink(NETLINK_GENERIC);
    expect(socket?.receive()).toBeUndefined();
    // The controller of generic netlink is asked for its own number, 16.
    const request = Buffer.from('200000001000050007000000000000000301000' + '00b0002006e6c6374726c0000', 'hex');
    await socket?.send(request);
    const answer = Buffer.from(socket?.receive() ?? []);
    expect(answer.readUInt32LE(8)).toBe(7);
    expect(answer.includes('nlctrl')).toBe(true);
    socket?.close();
  });

  it('reports the errors of drivers', () => {
    const fd = openSync('/dev/null', 'r');
    expect(() => controlDevice(fd, 0xab08)).toThrow(/ENOTTY|EINVAL/);
    closeSync(fd);
    expect(() => controlDevice(-1, 0xab08)).toThrow('EBADF');
    expect(() => openNetlink(999)).toThrow('EPROTONOSUPPORT');
  });

  it('is missing without native calls', () => {
    vi.stubEnv('NBDJS_NO_NATIVE', '1');
    expect(socketPair()).toBeUndefined();
    expect(openNetlink(NETLINK_GENERIC)).toBeUndefined();
    expect(controlDevice(0, 0)).toBeUndefined();
    expect(setIoFlusher()).toBe(false);
  });
});
