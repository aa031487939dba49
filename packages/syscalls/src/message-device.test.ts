/** Devices of messages, tried with a named pipe: the kernel's own are tested with the mounts of `@nbdjs/fuse`. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { capabilities } from './capabilities.ts';
import { createDescriptorInlet } from './descriptor-inlet.ts';
import { type MessageDevice, openMessageDevice } from './message-device.ts';

describe.runIf(capabilities().messageDevices)('a device of messages', () => {
  let folder: string;
  let device: MessageDevice | undefined;
  const messages: string[] = [];
  const ends: (Error | undefined)[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nbdjs-messages-'));
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    messages.length = 0;
    ends.length = 0;
    // A pipe that is open for both gives back what is written to it, and never ends.
    device = openMessageDevice(openSync(path, constants.O_RDWR), 4096, {
      message: (bytes) => void messages.push(Buffer.from(bytes).toString()),
      end: (error) => void ends.push(error),
    });
  });

  afterEach(async () => {
    device?.close();
    await expect.poll(() => ends).toHaveLength(1);
    rmSync(folder, { recursive: true });
  });

  const send = (text: string): number | undefined => device?.send(Buffer.from(`${text}and more`), text.length);

  it('gives what is written to it, in order', async () => {
    for (const text of ['one', 'two', 'three']) {
      expect(send(text)).toBe(0);
      await expect.poll(() => messages.at(-1)).toBe(text);
    }
  });

  it('holds back messages while it is paused', async () => {
    device?.pause();
    send('late');
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(messages).toEqual([]);
    device?.resume();
    await expect.poll(() => messages).toEqual(['late']);
  });

  it('ends once when it is closed, and takes nothing more', async () => {
    device?.close();
    device?.close();
    expect(send('x')).toBe(0);
    await expect.poll(() => ends).toEqual([undefined]);
    expect(messages).toEqual([]);
  });

  it('leaves the descriptor open when it is none that can be read', () => {
    expect(() => openMessageDevice(9999, 4096, { message: () => {}, end: () => {} })).toThrow('EBADF');
  });
});

describe.runIf(capabilities().messageDevices)('an inlet for descriptors', () => {
  it('reports that none came', async () => {
    const inlet = createDescriptorInlet();
    expect(await inlet?.receive(20)).toBeUndefined();
    inlet?.closeChildEnd();
    expect(await inlet?.receive(5000)).toBeUndefined();
    inlet?.close();
    inlet?.close();
    expect(() => closeSync(inlet?.childEnd ?? -1)).toThrow('EBADF');
  });
});
