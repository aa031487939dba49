/** Defects that other servers had, each under the name that it became known by. */
import { baseAllocation } from '@nbdjs/interfaces';
import { Command, encodeClientFlags, encodeOptionRequest, Option, WireError } from '@nbdjs/protocol';
import { createMemoryDevice } from '@nbdjs/storage';
import { describe, expect, it } from 'vitest';
import { createServer } from '../src/index.ts';
import { HostileClient, startServer, turns } from './hostile-client.ts';
import { RawClient } from './support.ts';
import { wrapped } from './wrapped-device.ts';

const mebi = 2 ** 20;
const sizeMax = 2n ** 63n - 1n;

it('CVE-2019-14850: nothing is opened for a client that has not asked for it', async () => {
  let opened = 0;
  const device = createMemoryDevice({ size: mebi });
  const { server } = startServer({
    exports: {
      open: () => {
        opened++;
        return { device };
      },
      list: () => [{ name: '', description: '' }],
    },
  });
  const clients = Array.from({ length: 3 }, () => new HostileClient(server));
  clients[1]?.say(encodeClientFlags(3));
  clients[2]?.say(encodeClientFlags(3), encodeOptionRequest({ option: Option.List }));
  await turns();
  expect(opened).toBe(0);
  await server.destroy();
});

it('CVE-2019-14851: options and commands in any order are answered, or end their client’s session, and no more', async () => {
  const { server } = startServer({ exports: { '': createMemoryDevice({ size: mebi }) } });
  const info = encodeOptionRequest({ option: Option.Info, exportName: '', infoTypes: [] });
  const go = encodeOptionRequest({ option: Option.Go, exportName: '', infoTypes: [] });
  const contexts = encodeOptionRequest({ option: Option.SetMetaContext, exportName: '', queries: [baseAllocation] });
  const structured = encodeOptionRequest({ option: Option.StructuredReply });
  const extended = encodeOptionRequest({ option: Option.ExtendedHeaders });
  const words = [info, go, contexts, structured, extended];
  const orders = words.flatMap((one) => words.flatMap((other) => words.map((third) => [one, other, third])));
  const clients = orders.map((order) => {
    const client = new HostileClient(server);
    client.say(encodeClientFlags(3), ...order);
    return client;
  });
  await turns(100);
  // Options behind GO are no requests.
  const endedEarly = orders.filter((order) => order[0] === go || order[1] === go).length;
  expect(clients.filter(({ isCutOff }) => isCutOff)).toHaveLength(endedEarly);
  await server.destroy();
  await Promise.all(clients.map(({ gone }) => gone));
});

describe('CVE-2025-47711: block status of the greatest length', () => {
  it.each(['structured', 'extended'] as const)('ends where the request does (%s)', async (mode) => {
    const extents = [{ offset: 0n, length: sizeMax, status: 3n }];
    const device = wrapped(createMemoryDevice({ size: sizeMax }), (command, go) =>
      command === 'blockStatus' ? [{ context: baseAllocation, extents }] : go(),
    );
    const server = createServer({ exports: { '': device } });
    const client = await RawClient.connect(server, mode);
    const lengths = mode === 'structured' ? [1n, 0xffff_ffffn] : [1n, 0xffff_ffffn, 0x1_0000_0000n, sizeMax - 5n];
    for (const length of lengths) {
      const [reply] = await client.ask({ type: Command.BlockStatus, offset: 5n, length });
      const content = Buffer.from(reply?.content ?? []);
      expect(content.length).toBe(mode === 'structured' ? 12 : 24);
      expect(mode === 'structured' ? BigInt(content.readUInt32BE(4)) : content.readBigUInt64BE(8)).toBe(length);
    }
    expect(await client.errorOf({ type: Command.BlockStatus, offset: 6n, length: 2n ** 32n - 1n })).toBe(0);
    if (mode === 'extended') {
      expect(await client.errorOf({ type: Command.BlockStatus, offset: 6n, length: sizeMax })).toBe(WireError.Einval);
      expect(await client.errorOf({ type: Command.Trim, offset: 2n ** 64n - 1n, length: 2n ** 64n - 1n })).not.toBe(0);
    }
    await server.destroy();
  });
});

it('CVE-2023-5871: flags of 64 bits are an error where there are 32, and never cut', async () => {
  const status = 2n ** 32n + 1n;
  const device = wrapped(createMemoryDevice({ size: mebi }), (command, go, args) => {
    if (command !== 'blockStatus') return go();
    const length = BigInt(args[1] as number);
    return [{ context: baseAllocation, extents: [{ offset: 0n, length, status }] }];
  });
  const server = createServer({ exports: { '': device } });
  const structured = await RawClient.connect(server, 'structured');
  expect(await structured.errorOf({ type: Command.BlockStatus, length: 4096 })).not.toBe(0);
  const extended = await RawClient.connect(server, 'extended');
  const [reply] = await extended.ask({ type: Command.BlockStatus, length: 4096 });
  expect(Buffer.from(reply?.content ?? []).readBigUInt64BE(16)).toBe(status);
  await server.destroy();
});

it('nbdkit 1.44.1: zeroes are as many as were asked for', async () => {
  const size = 130 * mebi;
  const device = createMemoryDevice({ size });
  for (let place = 0; place < size; place += 10 * mebi) device.write(place, new Uint8Array(10 * mebi).fill(1));
  const server = createServer({ exports: { '': device } });
  const client = await RawClient.connect(server, 'structured');
  await client.ask({ type: Command.WriteZeroes, offset: 1, length: 128 * mebi });
  const seen = new Uint8Array(size);
  for (let place = 0; place < size; place += 10 * mebi) device.read(place, seen.subarray(place, place + 10 * mebi));
  expect(seen[0]).toBe(1);
  expect(seen.indexOf(1, 1)).toBe(128 * mebi + 1);
  await server.destroy();
});

it('nothing can be injected by a text: what a provider fails with travels as one line', async () => {
  const server = createServer({
    exports: {
      open() {
        throw new Error(`a\nb\0c${'x'.repeat(10_000)}`);
      },
    },
  });
  await expect(RawClient.connect(server, 'extended')).rejects.toMatchObject({
    serverText: expect.stringMatching(/^a b c[^\n]*$/),
  });
  await server.destroy();
});
