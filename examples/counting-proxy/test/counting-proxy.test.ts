import { connect } from '@nbdjs/client';
import { CommandError, createMemoryDevice, defineDevice } from '@nbdjs/storage';
import { expect, it } from 'vitest';
import { startCountingProxy } from '../counting-proxy.ts';
import { ProxyMetrics } from '../proxy-metrics.ts';

const anywhere = { type: 'tcp', host: '127.0.0.1', port: 0 } as const;

async function valuesOf(metrics: ProxyMetrics): Promise<Record<string, number>> {
  const text = await metrics.registry.metrics();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(lines.map((line) => [line.replace(/ [^ ]+$/, ''), Number(line.split(' ').at(-1))]));
}

it('counts requests, bytes, failures and times of a client, over all its connections', async () => {
  const device = defineDevice({
    size: 2 ** 20,
    read(offset) {
      if (offset >= 2 ** 19) throw new CommandError('EIO', 'broken');
    },
    write() {},
  });
  await using proxy = await startCountingProxy(anywhere, 'disk', device);
  for (let connection = 0; connection < 2; connection++) {
    const disk = await connect(proxy.uri);
    await disk.readBytes(0, 1000);
    await disk.write(0, new Uint8Array(512));
    await disk.readBytes(2 ** 19, 1000).catch(() => {});
    expect((await valuesOf(proxy.metrics)).nbd_proxy_clients).toBe(1);
    await disk.close();
  }
  const read = '{client="127.0.0.1",command="read"}';
  const write = '{client="127.0.0.1",command="write"}';
  expect(await valuesOf(proxy.metrics)).toMatchObject({
    [`nbd_proxy_requests_total${read}`]: 4,
    [`nbd_proxy_failures_total${read}`]: 2,
    [`nbd_proxy_bytes_total${read}`]: 2000,
    [`nbd_proxy_request_seconds_count${read}`]: 4,
    [`nbd_proxy_requests_total${write}`]: 2,
    [`nbd_proxy_bytes_total${write}`]: 1024,
  });
  await expect.poll(async () => (await valuesOf(proxy.metrics)).nbd_proxy_clients).toBe(0);
});

it('has one export', async () => {
  await using proxy = await startCountingProxy(anywhere, 'disk', createMemoryDevice({ size: 512 }));
  await expect(connect(proxy.uri, { exportName: 'another' })).rejects.toMatchObject({ code: 'ERR_NBD_UNKNOWN_EXPORT' });
});

it('forgets the oldest clients, and what they still do', async () => {
  const metrics = new ProxyMetrics({ clientsMax: 2 });
  const device = createMemoryDevice({ size: 512 });
  const watched = ['one', 'two', 'one', 'three'].map((client) => metrics.watch(device, client));
  for (const one of watched) await one.read(0, new Uint8Array(512));
  const series = Object.keys(await valuesOf(metrics)).filter((name) => name.startsWith('nbd_proxy_requests_total'));
  expect(series).toEqual([
    'nbd_proxy_requests_total{client="one",command="read"}',
    'nbd_proxy_requests_total{client="three",command="read"}',
  ]);
});
