/** The resize extension: clients that change the size of an export. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError, type HeaderMode, type Offset, sizeMax } from '@nbdjs/interfaces';
import { Command, TransmissionFlag, WireError } from '@nbdjs/protocol';
import { createMemoryDevice, createReadOnlyLayer, openFileDevice } from '@nbdjs/storage';
import { describe, expect, it } from 'vitest';
import { createServer, type Export } from '../src/index.ts';
import { RawClient } from './support.ts';

const { Eperm, Einval, Enospc, Eio } = WireError;
const mebi = 2 ** 20;

const serve = (one: Export) => createServer({ exports: { '': one } });
const resize = (size: number | bigint) => ({ type: Command.Resize, offset: size });
const read = (offset: number, length: number) => ({ type: Command.Read, offset, length });

it('R1: is offered only where the export allows it, and the device can', async () => {
  const device = createMemoryDevice({ size: mebi });
  const offered = async (one: Export): Promise<boolean> => {
    const client = await RawClient.connect(serve(one), 'structured');
    const answer = await client.errorOf(resize(mebi));
    client.channel.destroy();
    const isOffered = (client.facts.transmissionFlags & TransmissionFlag.SendResize) !== 0;
    expect(answer).toBe(isOffered ? 0 : Einval);
    return isOffered;
  };
  expect(await offered({ device })).toBe(false);
  expect(await offered({ device, resizable: true, readOnly: true })).toBe(false);
  expect(await offered({ device: createReadOnlyLayer(device), resizable: true })).toBe(false);
  expect(await offered({ device, resizable: true })).toBe(true);
});

describe.each(['simple', 'structured', 'extended'] satisfies HeaderMode[])('with %s headers', (mode) => {
  it('R4: what is added can be used, and what is gone is out of space', async () => {
    const device = createMemoryDevice({ size: mebi });
    await device.write(mebi - 10, new Uint8Array(10).fill(7));
    const client = await RawClient.connect(serve({ device, resizable: true }), mode);
    expect(await client.errorOf(read(mebi, 512))).toBe(Einval);
    expect(await client.errorOf({ ...resize(2 * mebi), length: 12_345 })).toBe(0);
    expect(await client.errorOf(read(mebi, 512))).toBe(0);
    expect(await client.errorOf(resize(mebi - 5))).toBe(0);
    expect(await client.errorOf(read(mebi - 5, 1))).toBe(Enospc);
    expect(await client.errorOf({ type: Command.Trim, offset: mebi, length: 1 })).toBe(Enospc);
    expect(await client.errorOf(read(2 * mebi, 1))).toBe(Einval);
    expect(await client.errorOf(resize(mebi))).toBe(0);
    const target = new Uint8Array(10);
    await device.read(mebi - 10, target);
    expect([...target]).toEqual([7, 7, 7, 7, 7, 0, 0, 0, 0, 0]);
    client.channel.destroy();
  });
});

it('R2: says why not', async () => {
  const device = createMemoryDevice({ size: mebi });
  const { resizing } = device;
  const resizeOrFail = (size: Offset): void | Promise<void> => {
    if (size === 7 * mebi) throw new CommandError('ENOSPC', 'the pool is full');
    if (size === 9 * mebi) return Promise.reject(new Error('the disk is broken'));
    return resizing?.resize(size);
  };
  Object.assign(device, { resizing: { resize: resizeOrFail } });
  const blocky = { ...device.geometry, minimumBlockSize: 512 };
  Object.defineProperty(device, 'geometry', { get: () => blocky });
  const client = await RawClient.connect(serve({ device, resizable: true }), 'extended');
  expect(await client.errorOf(resize(7 * mebi))).toBe(Enospc);
  expect(await client.errorOf(resize(9 * mebi))).toBe(Eio);
  expect(await client.errorOf(resize(sizeMax + 1n))).toBe(Enospc);
  expect(await client.errorOf(resize(1000))).toBe(Einval);
  expect(await client.errorOf(read(0, 512))).toBe(0);
  client.channel.destroy();
});

it('R2, R5: others may use what was added, and have nothing taken away', async () => {
  const device = createMemoryDevice({ size: mebi });
  const server = serve({ device, resizable: true });
  const one = await RawClient.connect(server, 'extended');
  const other = await RawClient.connect(server, 'simple');
  // With its first answer, a client shows that the server has noticed it.
  expect(await other.errorOf(read(0, 1))).toBe(0);
  expect(await one.errorOf(resize(mebi / 2))).toBe(Eperm);
  expect(await one.errorOf(resize(3 * mebi))).toBe(0);
  expect(await other.errorOf(read(2 * mebi, 512))).toBe(0);
  other.channel.destroy();
  await expect.poll(() => server.sessions.length).toBe(1);
  expect(await one.errorOf(resize(mebi / 2))).toBe(0);
  const late = await RawClient.connect(server, 'extended');
  expect(late.facts.size).toBe(BigInt(mebi / 2));
  one.channel.destroy();
  late.channel.destroy();
});

it('R4: a device that has changed by itself is as long as it is', async () => {
  const device = createMemoryDevice({ size: mebi });
  const client = await RawClient.connect(serve({ device }), 'extended');
  await device.resizing?.resize(2 * mebi);
  expect(await client.errorOf(read(mebi, 512))).toBe(0);
  await device.resizing?.resize(512);
  expect(await client.errorOf(read(mebi, 512))).toBe(Enospc);
  client.channel.destroy();
});

it('changes the length of a file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nbdjs-resize-'));
  const path = join(folder, 'disk');
  const device = await openFileDevice(path, { create: true, size: mebi });
  const client = await RawClient.connect(serve({ device, resizable: true }), 'extended');
  expect(await client.errorOf(resize(3 * mebi))).toBe(0);
  expect(statSync(path).size).toBe(3 * mebi);
  expect(await client.errorOf(read(2 * mebi, 4096))).toBe(0);
  expect(await client.errorOf(resize(4096))).toBe(0);
  expect(statSync(path).size).toBe(4096);
  expect(await client.errorOf(read(4095, 2))).toBe(Enospc);
  client.channel.destroy();
  await device.close();
  const reader = await openFileDevice(path, { readOnly: true });
  expect(reader.resizing).toBeUndefined();
  await reader.close();
  rmSync(folder, { recursive: true });
});
