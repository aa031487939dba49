/** What the tests of `@vates/nbd-client` 3.6 expect of its `MultiNbdClient`, against the adapter. */
import { expect, it } from 'vitest';
import MultiNbdClient, { type MultiOptions, type OneClient } from '../multi.ts';
import type { TcpSettings } from '../tcp-client.ts';

class Scripted implements OneClient {
  readonly exportSize = 4096n;
  readonly reads: number[] = [];
  disconnects = 0;
  failure: Error | undefined;

  async connect(): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
  }

  async disconnect(): Promise<void> {
    this.disconnects++;
  }

  async readBlock(index: number): Promise<Buffer> {
    this.reads.push(index);
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
    return Buffer.from([index]);
  }

  async getMap() {
    return [];
  }
}

class MultiOfScripted extends MultiNbdClient {
  readonly made: { readonly client: Scripted; readonly address: string }[] = [];

  override _createClient({ address }: TcpSettings): OneClient {
    const client = new Scripted();
    if (address.startsWith('dead')) client.failure = new Error(`${address} does not answer`);
    this.made.push({ client, address });
    return client;
  }
}

async function connected(nbdConcurrency: number, options: MultiOptions = {}) {
  const multi = new MultiOfScripted({ address: 'host' }, { ...options, nbdConcurrency });
  await multi.connect();
  return { multi, clients: multi.made.map(({ client }) => client) };
}

it('gives up a connection that fails, and reads by another', async () => {
  const { multi, clients } = await connected(2);
  const [dead, alive] = clients as [Scripted, Scripted];
  dead.failure = new Error('dead');
  expect(await multi.readBlock(0)).toEqual(Buffer.from([0]));
  expect(dead.disconnects).toBe(1);
  expect(await multi.readBlock(1)).toEqual(Buffer.from([1]));
  expect([dead.reads, alive.reads]).toEqual([[0], [0, 1]]);
});

it('rejects when no connection is left', async () => {
  const { multi, clients } = await connected(2);
  const failure = new Error('dead');
  for (const client of clients) client.failure = failure;
  await expect(multi.readBlock(0)).rejects.toBe(failure);
  expect(clients.map(({ disconnects }) => disconnects)).toEqual([1, 1]);
  await expect(multi.readBlock(0)).rejects.toMatchObject({ code: 'NBD_NOT_CONNECTED' });
});

it('gives up a connection once, however many reads fail on it', async () => {
  const { multi, clients } = await connected(2);
  const [dead] = clients as [Scripted, Scripted];
  dead.failure = new Error('dead');
  const read = await Promise.all([10, 11, 12].map((index) => multi.readBlock(index)));
  expect(read).toEqual([10, 11, 12].map((index) => Buffer.from([index])));
  expect(dead.disconnects).toBe(1);
});

it('takes the connections in turn, whatever the blocks are', async () => {
  const { multi, clients } = await connected(4);
  for (let index = 0; index < 80; index += 4) await multi.readBlock(index);
  expect(clients.map(({ reads }) => reads.length)).toEqual([5, 5, 5, 5]);
});

it('asks a host that cannot be reached once, and goes on with the others', async () => {
  const multi = new MultiOfScripted([{ address: 'dead' }, { address: 'host' }], { nbdConcurrency: 8 });
  await multi.connect();
  const addresses = multi.made.map(({ address }) => address);
  expect(addresses.filter((address) => address === 'host')).toHaveLength(8);
  expect(addresses.filter((address) => address === 'dead').length).toBeLessThanOrEqual(1);
});

it('says why there is no connection at all', async () => {
  const multi = new MultiOfScripted([{ address: 'dead-1' }, { address: 'dead-2' }]);
  const error = await multi.connect().catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'NO_NBD_AVAILABLE' });
  expect((error as AggregateError).errors).toHaveLength(2);
});

it('reads ahead over all connections, and in order', async () => {
  const { multi, clients } = await connected(3, { readAhead: 6 });
  const indexes = Array.from({ length: 20 }, (_, index) => ({ index, size: 1 }));
  const got: number[] = [];
  for await (const block of multi.readBlocks(() => indexes)) got.push(block[0] as number);
  expect(got).toEqual(indexes.map(({ index }) => index));
  expect(clients.map(({ reads }) => reads.length)).toEqual([7, 7, 6]);
});
