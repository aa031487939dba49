import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BlockDevice, CommandError } from '@nbdjs/interfaces';
import { Layer } from '@nbdjs/kit';
import { TransmissionFlag } from '@nbdjs/protocol';
import { createMemoryDevice } from '@nbdjs/storage';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attachWithin } from '../src/attach-device.ts';
import { detachWithin, findWithin, listWithin } from '../src/attached-devices.ts';
import { type Attachment, type AttachOptions, attachDevice, detachDevice } from '../src/index.ts';
import { DeviceFiles } from '../src/kernel/sysfs.ts';
import { Command, type Queue, ScriptedKernel } from './scripted-kernel.ts';

const size = 2 ** 20;

/** A device that cannot be read. */
class WornOut extends Layer {
  override read(): void {
    throw new CommandError('EIO', 'worn out');
  }
}

let folder: string;
let kernel: ScriptedKernel;
let device: BlockDevice;
const attachments: Attachment[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nbdjs-attach-'));
  kernel = new ScriptedKernel(folder);
  device = createMemoryDevice({ size });
});

afterEach(async () => {
  kernel.refusal = undefined;
  for (const attachment of attachments.splice(0)) await attachment.detach({ force: true });
  kernel.close();
  await device.close();
  rmSync(folder, { recursive: true });
});

const surroundings = () => ({ files: new DeviceFiles(folder), openNetlink: kernel.openNetlink });

async function attach(options: AttachOptions = {}, given = device): Promise<Attachment> {
  const attachment = await attachWithin(surroundings(), given, options);
  attachments.push(attachment);
  return attachment;
}

function queueOf({ index }: Attachment, number = 0): Queue {
  const queue = kernel.devices.get(index)?.queues[number];
  if (queue === undefined) throw new Error(`kernel has no queue ${number} of device ${index}`);
  return queue;
}

describe.runIf(process.platform === 'linux')('a device of the kernel', () => {
  it('is read, written, flushed and trimmed by the kernel, without a handshake', async () => {
    const attachment = await attach();
    expect(attachment).toMatchObject({
      path: '/dev/nbd0',
      index: 0,
      via: 'netlink',
      size: BigInt(size),
      blockSize: 512,
    });
    const queue = queueOf(attachment);
    const written = Buffer.alloc(8192, 'kernel');
    expect(await queue.request(Command.Write, 4096n, written.length, written)).toMatchObject({ error: 0 });
    expect((await queue.request(Command.Read, 0n, 16_384)).data).toEqual(
      Buffer.concat([Buffer.alloc(4096), written, Buffer.alloc(4096)]),
    );
    expect((await queue.request(Command.Flush, 0n, 0)).error).toBe(0);
    expect((await queue.request(Command.Trim, 4096n, 4096)).error).toBe(0);
    expect((await queue.request(Command.Read, 4096n, 4096)).data.every((byte) => byte === 0)).toBe(true);
  });

  it('has several queues over one device', async () => {
    const attachment = await attach({ connections: 3 });
    expect(kernel.devices.get(0)?.queues).toHaveLength(3);
    const payload = Buffer.alloc(512, 7);
    await queueOf(attachment, 0).request(Command.Write, 512n, 512, payload);
    expect((await queueOf(attachment, 2).request(Command.Read, 512n, 512)).data).toEqual(payload);
  });

  it('is described to the kernel with its flags, blocks and waits', async () => {
    await attach({ path: '/dev/nbd2', keepSeconds: 30, identifier: 'disk' });
    expect(kernel.numberOf(2, 2)).toBe(BigInt(size));
    expect(kernel.numberOf(2, 3)).toBe(512n);
    expect(kernel.numberOf(2, 4)).toBe(0n);
    expect(kernel.numberOf(2, 8)).toBe(30n);
    const { HasFlags, SendFlush, SendFua, SendTrim, CanMultiConn, ReadOnly } = TransmissionFlag;
    const flags = Number(kernel.numberOf(2, 5));
    const wanted = HasFlags | SendFlush | SendFua | SendTrim | CanMultiConn;
    expect(flags & wanted).toBe(wanted);
    expect(flags & ReadOnly).toBe(0);
  });

  it('is never given up by a kernel with several queues, which knows no "never"', async () => {
    await attach({ connections: 2 });
    expect(kernel.numberOf(0, 4)).toBe(604_800n);
  });

  it('is read-only when asked for', async () => {
    const attachment = await attach({ readOnly: true });
    expect(Number(kernel.numberOf(0, 5)) & TransmissionFlag.ReadOnly).toBe(TransmissionFlag.ReadOnly);
    expect((await queueOf(attachment).request(Command.Write, 0n, 512, Buffer.alloc(512))).error).toBe(1);
  });

  it('answers with the errors of the device behind it, and goes on', async () => {
    const failing = new WornOut(device, { passes: [] });
    const attachment = await attach({}, failing);
    expect((await queueOf(attachment).request(Command.Read, 0n, 512)).error).toBe(5);
    expect((await queueOf(attachment).request(Command.Flush, 0n, 0)).error).toBe(0);
  });

  it('has whole blocks only, and not smaller ones than the device', async () => {
    const odd = createMemoryDevice({ size: 10_000 });
    expect(await attach({ blockSize: 4096 }, odd)).toMatchObject({ size: 8192n, blockSize: 4096 });
    const coarse = new WornOut(device, { passes: [], geometry: (below) => ({ ...below, minimumBlockSize: 1024 }) });
    expect(await attach({}, coarse)).toMatchObject({ blockSize: 1024 });
    await expect(attach({ blockSize: 512 }, coarse)).rejects.toThrow('1024 bytes at least');
    await expect(attach({}, createMemoryDevice({ size: 100 }))).rejects.toThrow('not even one block of 512 bytes');
  });

  it('is detached by us, by another program, and by a loss', async () => {
    const ours = await attach();
    await ours.detach({ force: true });
    expect(await ours.detached).toBeUndefined();
    expect(kernel.isClosed).toBe(true);

    const others = await attach();
    await detachWithin(surroundings(), '/dev/nbd0', { force: true });
    expect(await others.detached).toBeUndefined();

    const lost = await attach({ connections: 2 });
    queueOf(lost, 0).destroy();
    queueOf(lost, 1).destroy();
    await lost.detached;
  });

  it('is listed while it is attached', async () => {
    await attach();
    await attach({ path: 'nbd3' });
    const { pid } = process;
    expect(listWithin(new DeviceFiles(folder))).toEqual([
      { path: '/dev/nbd0', index: 0, size: BigInt(size), readOnly: false, pid, identifier: 'scripted' },
      { path: '/dev/nbd3', index: 3, size: BigInt(size), readOnly: false, pid, identifier: 'scripted' },
    ]);
    const files = new DeviceFiles(folder);
    expect(findWithin(files, '/dev/nbd3')).toMatchObject({ path: '/dev/nbd3', pid });
    expect([findWithin(files, 'nbd2'), findWithin(files, '/dev/nbd99')]).toEqual([undefined, undefined]);
    await attachments[0]?.detach({ force: true });
    expect(findWithin(files, '/dev/nbd0')).toBeUndefined();
    expect(listWithin(new DeviceFiles(folder)).map(({ index }) => index)).toEqual([3]);
  });

  it('is taken over with new sockets', async () => {
    const dead = await attach({ path: '/dev/nbd1' });
    queueOf(dead).destroy();
    await dead.detached;
    const next = await attach({ path: '/dev/nbd1', takeOver: true });
    expect((await queueOf(next).request(Command.Read, 0n, 512)).error).toBe(0);
    // Its size stays, so it is not told once more.
    expect(kernel.numberOf(1, 2)).toBeUndefined();
    await expect(attach({ takeOver: true })).rejects.toThrow('takeOver needs the path');
  });

  it('leaves no descriptor open when the kernel refuses', async () => {
    await attach();
    const count = () => readdirSync('/proc/self/fd').length;
    await expect(attach({ path: '/dev/nbd0' })).rejects.toThrow('attaching /dev/nbd0: it is in use already');
    const before = count();
    for (let round = 0; round < 5; round++) await expect(attach({ path: '/dev/nbd0' })).rejects.toThrow('in use');
    expect(count()).toBe(before);
  });

  it.each([
    [1, undefined, 'EPERM', /attaching a device: only root may .*operation not permitted/],
    [22, 'bad block size', 'ERR_NBD_ARGUMENT', /attaching a device: the kernel finds something wrong: bad block size/],
    [6, undefined, 'ERR_NBD_ARGUMENT', /there is no such device/],
    [12, undefined, 'ENOMEM', /attaching a device: not enough memory/],
  ])('says in words what error %i of the kernel means', async (errorNumber, text, code, message) => {
    kernel.refusal = text === undefined ? { errorNumber } : { errorNumber, text };
    const refused = attach();
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toMatchObject({ code });
  });

  it('needs the module', async () => {
    kernel.hasNbd = false;
    const files = new DeviceFiles(join(folder, 'nothing'));
    const bare = { files, openNetlink: kernel.openNetlink };
    await expect(attachWithin(bare, device, {})).rejects.toThrow('modprobe nbd');
    expect(() => listWithin(files)).toThrow('modprobe nbd');
    expect(() => findWithin(files, '/dev/nbd0')).toThrow('modprobe nbd');
    await expect(attachWithin(surroundings(), device, { via: 'netlink' })).rejects.toThrow('Linux 4.12');
  });

  it.each(['/dev/sda', 'nbd', '/dev/nbd0/x', ''])("is not '%s'", async (path) => {
    await expect(attachDevice(device, { path })).rejects.toThrow('is not the name of an NBD device');
    await expect(detachDevice(path)).rejects.toThrow('is not the name of an NBD device');
  });

  it('is no partition', async () => {
    await expect(detachDevice('/dev/nbd0p1')).rejects.toThrow('is a partition, give its device');
    await expect(detachWithin(surroundings(), '/dev/nbd2', {})).rejects.toThrow('/dev/nbd2 is not attached');
  });
});
