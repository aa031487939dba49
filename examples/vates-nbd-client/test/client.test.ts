/** What the tests of `@vates/nbd-client` 3.6 expect of its client, against the adapter. */
import { Duplex, PassThrough } from 'node:stream';
import { createServer, type Server } from '@nbdjs/server';
import { type BlockDevice, CommandError, createMemoryDevice, defineDevice } from '@nbdjs/storage';
import { adoptStream } from '@nbdjs/transport';
import { afterEach, expect, it } from 'vitest';
import type { ClientOptions } from '../abstract-client.ts';
import { AbstractNbdClient, NbdTcpClient } from '../index.ts';

const block = 512;
/** Its last block is shorter. */
const data = Buffer.alloc(3 * block + 100, 0);
for (let offset = 0; offset < data.length; offset += 4) data.writeUInt32BE(offset, offset);

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.destroy();
});

/** The server is at the other end of two streams in memory. */
class InMemoryClient extends AbstractNbdClient {
  readonly transports: PassThrough[] = [];
  readonly #server: Server;

  constructor(device: BlockDevice, settings = {}, options?: ClientOptions) {
    super(settings, options);
    this.#server = createServer({ exports: { disk: device } });
    servers.push(this.#server);
  }

  override async _openTransport() {
    const toServer = new PassThrough();
    const toClient = new PassThrough();
    this.transports.push(toClient);
    void this.#server.accept(adoptStream(Duplex.from({ readable: toServer, writable: toClient })));
    return { readable: toClient, writable: toServer };
  }
}

function contentDevice(): BlockDevice {
  return defineDevice({
    size: data.length,
    read: (offset, target) => target.set(data.subarray(offset, offset + target.length)),
  });
}

const quick = { waitBeforeReconnect: 0 };

it('connects, reads a block, and disconnects', async () => {
  const client = new InMemoryClient(contentDevice());
  await client.connect();
  expect([client.exportSize, client.connected, client.exportName]).toEqual([BigInt(data.length), true, '']);
  const read = await client.readBlock(1, block);
  expect(Buffer.isBuffer(read)).toBe(true);
  expect(read).toEqual(data.subarray(block, 2 * block));
  await client.disconnect();
  expect(client.connected).toBe(false);
  await expect.poll(() => client.transports[0]?.destroyed).toBe(true);
});

it('shortens the last block of an export whose size is no multiple of it', async () => {
  const client = new InMemoryClient(contentDevice());
  await client.connect();
  expect(await client.readBlock(3, block)).toEqual(data.subarray(3 * block));
  await client.disconnect();
});

it('takes answers in another order', async () => {
  let answerFirst = (): void => {};
  const client = new InMemoryClient(
    defineDevice({
      size: data.length,
      async read(offset, target) {
        if (offset === 0) await new Promise<void>((resolve) => (answerFirst = resolve));
        else setImmediate(answerFirst);
        target.set(data.subarray(offset, offset + target.length));
      },
    }),
  );
  await client.connect();
  const order: number[] = [];
  const reads = [0, 1].map(async (index) => {
    const read = await client.readBlock(index, block);
    order.push(index);
    return read;
  });
  expect(await Promise.all(reads)).toEqual([data.subarray(0, block), data.subarray(block, 2 * block)]);
  expect(order).toEqual([1, 0]);
  await client.disconnect();
});

it('releases the transport when the handshake fails', async () => {
  const client = new InMemoryClient(contentDevice(), { exportname: 'wrong' });
  await expect(client.connect()).rejects.toMatchObject({ code: 'ERR_NBD_UNKNOWN_EXPORT' });
  expect(client.connected).toBe(false);
  expect(client.transports).toHaveLength(1);
  await expect.poll(() => client.transports[0]?.destroyed).toBe(true);
});

it('reports the error of the server after it has tried again, with the block', async () => {
  const fail = () => Promise.reject(new CommandError('EIO', 'the disk is broken'));
  const client = new InMemoryClient(defineDevice({ size: 4096, read: fail }), {}, { ...quick, readBlockRetries: 2 });
  await client.connect();
  await expect(client.readBlock(2, block)).rejects.toMatchObject({ code: 'EIO', index: 2, size: block });
  // The first connection, and one for the second attempt.
  expect(client.transports).toHaveLength(2);
  await client.disconnect();
});

it('reads that fail together share a new connection', async () => {
  const read = (_: number, target: Uint8Array): void => {
    if (client.transports.length === 1) throw new CommandError('EIO', 'not now');
    target.fill(7);
  };
  const client = new InMemoryClient(defineDevice({ size: 4096, read }), {}, { waitBeforeReconnect: 10 });
  await client.connect();
  const reads = await Promise.all([0, 1, 2, 3].map((index) => client.readBlock(index, block)));
  expect(reads.every((one) => one[0] === 7)).toBe(true);
  expect(client.transports).toHaveLength(2);
  await client.disconnect();
});

it('goes on when the connection is lost in the middle', async () => {
  const client = new InMemoryClient(contentDevice(), {}, quick);
  await client.connect();
  client.transports[0]?.destroy(new Error('cut'));
  expect(await client.readBlock(0, block)).toEqual(data.subarray(0, block));
  expect(client.transports).toHaveLength(2);
  await client.disconnect();
});

it('an attempt that was too slow leaves the next one alone', async () => {
  class StallingFirst extends InMemoryClient {
    override async _openTransport() {
      if (this.transports.length > 0) return super._openTransport();
      const silent = { readable: new PassThrough(), writable: new PassThrough() };
      this.transports.push(silent.readable);
      return silent;
    }
  }
  const client = new StallingFirst(contentDevice(), {}, { connectTimeout: 50 });
  await expect(client.connect()).rejects.toMatchObject({ name: 'TimeoutError' });
  await client.connect();
  await expect.poll(() => client.transports[0]?.destroyed).toBe(true);
  expect([client.connected, client.transports.length, client.transports[1]?.destroyed]).toEqual([true, 2, false]);
  expect(await client.readBlock(0, block)).toEqual(data.subarray(0, block));
  await client.disconnect();
});

it('an error of a former transport leaves the present one alone', async () => {
  const client = new InMemoryClient(contentDevice(), {}, quick);
  await client.connect();
  await client.reconnect();
  const read = client.readBlock(0, block);
  client.transports[0]?.emit('error', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
  expect(await read).toEqual(data.subarray(0, block));
  expect(client.transports).toHaveLength(2);
  await client.disconnect();
});

it('reads nothing without a connection, and can be disconnected all the same', async () => {
  const client = new InMemoryClient(contentDevice());
  await client.disconnect();
  await expect(client.readBlock(0)).rejects.toMatchObject({ code: 'NBD_NOT_CONNECTED' });
  await client.connect();
  await client.disconnect();
  await client.disconnect();
  await expect(client.readBlock(0)).rejects.toMatchObject({ code: 'NBD_NOT_CONNECTED' });
  expect(client.transports).toHaveLength(1);
});

it('disconnecting ends the wait before a new connection', async () => {
  const client = new InMemoryClient(contentDevice(), {}, { waitBeforeReconnect: 50 });
  await client.connect();
  const again = client.reconnect();
  await client.disconnect();
  await expect(again).rejects.toMatchObject({ code: 'NBD_NOT_CONNECTED' });
  expect(client.connected).toBe(false);
  expect(client.transports).toHaveLength(1);
});

it('a block behind the end is an error at once', async () => {
  const client = new InMemoryClient(contentDevice());
  await client.connect();
  await expect(client.readBlock(100, block)).rejects.toMatchObject({ code: 'ERR_NBD_OUT_OF_BOUNDS', index: 100 });
  expect(client.transports).toHaveLength(1);
  await client.disconnect();
});

it('yields blocks in order, reads ahead, and stops when its caller does', async () => {
  const reads: number[] = [];
  const device = defineDevice({
    size: 64 * block,
    read(offset, target) {
      reads.push(offset / block);
      target.fill(offset / block);
    },
  });
  const client = new InMemoryClient(device, {}, { readAhead: 4 });
  await client.connect();
  const got: (number | undefined)[] = [];
  const wanted = function* () {
    for (let index = 0; index < 64; index += 2) yield { index, size: block };
  };
  for await (const one of client.readBlocks(wanted)) {
    got.push(one[0]);
    if (got.length === 3) break;
  }
  expect(got).toEqual([0, 2, 4]);
  expect(reads.length).toBeLessThanOrEqual(3 + 4);
  await client.disconnect();
});

it('lists the map with and without a connection, until it is aborted', async () => {
  const device = createMemoryDevice({ size: 4 * 65_536 });
  await device.write(65_536, new Uint8Array(65_536).fill(1));
  const client = new InMemoryClient(device);
  const map = [
    { offset: 0, length: 65_536, type: 3, description: 'hole,zero' },
    { offset: 65_536, length: 65_536, type: 0, description: 'data' },
    { offset: 131_072, length: 131_072, type: 3, description: 'hole,zero' },
  ];
  expect(await client.getMap()).toEqual(map);
  expect(client.connected).toBe(false);
  await client.connect();
  expect(await client.getMap()).toEqual(map);
  const reason = new Error('enough');
  await expect(client.getMap(AbortSignal.abort(reason))).rejects.toBe(reason);
  await client.disconnect();
});

it('has no map where the server has none', async () => {
  const device = contentDevice();
  const client = new InMemoryClient({
    geometry: device.geometry,
    abilities: { ...device.abilities, contexts: [] },
    read: (offset, target) => device.read(offset, target),
    write: (offset, source) => device.write(offset, source),
    flush: () => {},
    trim: () => {},
    writeZeroes: () => {},
    cache: () => {},
    blockStatus: () => [],
    close: () => device.close(),
  });
  await expect(client.getMap()).rejects.toMatchObject({ code: 'NBD_MAP_UNSUPPORTED' });
});

it('says which host cannot be reached', async () => {
  const client = new NbdTcpClient({ address: '500.500.500.500', port: 1 });
  await expect(client.connect()).rejects.toThrow('500.500.500.500');
});
