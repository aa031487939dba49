/** Devices that have lost what they had acknowledged: every client that relies on them hears of it at its next flush, once. */
import { type BlockDevice, CommandError, UsageError } from '@nbdjs/interfaces';
import { LossLog, writesLostError } from '@nbdjs/kit';
import { Command, CommandFlag, WireError } from '@nbdjs/protocol';
import { createMemoryDevice } from '@nbdjs/storage';
import { describe, expect, it } from 'vitest';
import { createServer } from '../src/index.ts';
import { RawClient } from './support.ts';
import { wrapped } from './wrapped-device.ts';

/** Memory that does some things otherwise. */
function like(memory: BlockDevice, otherwise: Partial<BlockDevice>): BlockDevice {
  return { ...wrapped(memory, (_command, go) => go()), ...otherwise };
}

const { Eio } = WireError;
const flush = { type: Command.Flush };
const write = (offset: number, flags = 0) => ({
  type: Command.Write,
  flags: flags | CommandFlag.PayloadLen,
  offset,
  payload: new Uint8Array(512),
});

/** A device that counts its losses and tells the first who flushes, as a client of ours does. */
function losing(fua = true): { readonly device: BlockDevice; readonly lose: (offset: bigint) => void } {
  const memory = createMemoryDevice({ size: 65_536 });
  const losses = new LossLog();
  const device = like(memory, {
    abilities: { ...memory.abilities, fua },
    losses,
    async flush() {
      const { toldCount } = losses;
      if (losses.count === toldCount) return;
      losses.told();
      throw losses.since(toldCount);
    },
  });
  return { device, lose: (offset) => losses.add(writesLostError([{ offset, length: 512n }])) };
}

const clientsOf = async (device: BlockDevice, count: number) => {
  const server = createServer({ exports: { '': device } });
  const clients = await Promise.all(Array.from({ length: count }, () => RawClient.connect(server, 'extended')));
  return { server, clients, connect: () => RawClient.connect(server, 'extended') };
};

describe('D7: what a device has lost', () => {
  it('is told to each client once, to those that wrote nothing by that connection as well', async () => {
    const { device, lose } = losing();
    const { server, clients, connect } = await clientsOf(device, 3);
    const [one, other, third] = clients as [RawClient, RawClient, RawClient];
    await one.ask(write(0));
    lose(0n);
    expect(await one.errorOf(flush)).toBe(Eio);
    expect(await one.errorOf(flush)).toBe(0);
    expect(await other.errorOf(flush)).toBe(Eio);
    expect(await other.errorOf(flush)).toBe(0);
    // A client that comes after others got the report does not get it.
    const late = await connect();
    expect(await late.errorOf(flush)).toBe(0);
    expect(await third.errorOf(flush)).toBe(Eio);
    expect(await third.errorOf(flush)).toBe(0);
    await server.destroy();
  });

  it('is reported to the next client, when those that were connected left without the report', async () => {
    const { device, lose } = losing();
    const { server, clients, connect } = await clientsOf(device, 1);
    lose(0n);
    clients[0]?.channel.destroy();
    await expect.poll(() => server.sessions.length).toBe(0);
    const next = await connect();
    expect(await next.errorOf(flush)).toBe(Eio);
    expect(await next.errorOf(flush)).toBe(0);
    await server.destroy();
  });

  it('does not hide behind the flush that makes a write durable: that tells of the write alone', async () => {
    const { device, lose } = losing(false);
    const { server, clients } = await clientsOf(device, 2);
    const [one, other] = clients as [RawClient, RawClient];
    await one.ask(write(0));
    lose(0n);
    expect(await one.errorOf(write(4096, CommandFlag.Fua))).toBe(0);
    expect(await one.errorOf(flush)).toBe(Eio);
    expect(await one.errorOf(flush)).toBe(0);
    expect(await other.errorOf(flush)).toBe(Eio);
    await server.destroy();
  });

  it('fails the durable write that it may be', async () => {
    const { device, lose } = losing(false);
    const store = device.write.bind(device);
    device.write = async (offset, source) => {
      await store(offset, source);
      if (offset === 4096) lose(4096n);
    };
    const { server, clients } = await clientsOf(device, 1);
    expect(await clients[0]?.errorOf(write(4096, CommandFlag.Fua))).toBe(Eio);
    expect(await clients[0]?.errorOf(flush)).toBe(Eio);
    expect(await clients[0]?.errorOf(flush)).toBe(0);
    await server.destroy();
  });
});

describe('a flush that fails', () => {
  it.each([
    ['one of our errors', new CommandError('EIO', 'the disk is broken')],
    ['one of the system', Object.assign(new Error('no space'), { code: 'ENOSPC' })],
    ['one without a code', new Error('what now?')],
  ])('D7: with %s fails for every client, because a second one would succeed', async (_, error) => {
    let failures = 1;
    const memory = createMemoryDevice({ size: 65_536 });
    const device = like(memory, {
      async flush() {
        if (failures-- > 0) throw error;
      },
    });
    const { server, clients } = await clientsOf(device, 2);
    const [one, other] = clients as [RawClient, RawClient];
    expect(await one.errorOf(flush)).not.toBe(0);
    expect(await one.errorOf(flush)).toBe(0);
    expect(await other.errorOf(flush)).not.toBe(0);
    expect(await other.errorOf(flush)).toBe(0);
    await server.destroy();
  });

  it('with what tells of no loss fails once', async () => {
    let failures = 1;
    const device = like(createMemoryDevice({ size: 65_536 }), {
      async flush() {
        if (failures-- > 0) throw new CommandError('EINVAL', 'not now');
      },
    });
    const { server, clients } = await clientsOf(device, 2);
    expect(await clients[0]?.errorOf(flush)).not.toBe(0);
    expect(await clients[1]?.errorOf(flush)).toBe(0);
    await server.destroy();
  });
});

it('D7: a device that has come to an end by itself is an error of the device, not the end of the server', async () => {
  const ended = new UsageError('ERR_NBD_CLOSED', 'the device is closed: gone', { cause: new Error('gone') });
  const device = like(createMemoryDevice({ size: 65_536 }), {
    read: async () => Promise.reject(ended),
  });
  const { server, clients } = await clientsOf(device, 1);
  expect(await clients[0]?.errorOf({ type: Command.Read, offset: 0, length: 512 })).toBe(Eio);
  await server.destroy();
});
