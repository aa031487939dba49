/** Exports whose size the client changes, at a server of ours. */
import { createServer } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { blockDeviceConformance } from '@nbdjs/testkit';
import { createMemoryPair } from '@nbdjs/transport';
import { expect, it } from 'vitest';
import { connect } from '../src/core/index.ts';

const mebi = 2 ** 20;

function open(size: number, resizable = true, options: Parameters<typeof connect>[1] = {}) {
  const server = createServer({ exports: { disk: { device: createMemoryDevice({ size }), resizable } } });
  const target = {
    exportName: 'disk',
    async open() {
      const [ours, theirs] = createMemoryPair();
      void server.accept(theirs);
      return ours;
    },
  };
  return connect(target, options);
}

for (const mode of ['simple', 'structured', 'extended'] as const) {
  blockDeviceConformance(`a resizable export, ${mode} headers`, { make: (size) => open(size, true, { mode }) });
}

it('grows and shrinks, with several connections', async () => {
  await using client = await open(mebi, true, { connections: 3 });
  await client.write(0, new Uint8Array(1000).fill(1));
  await client.resize(3 * mebi);
  await Promise.all(
    Array.from({ length: 30 }, (_, at) => client.write(2 * mebi + at * 1000, new Uint8Array(1000).fill(at))),
  );
  expect((await client.readBytes(2 * mebi + 29_000, 1000)).every((byte) => byte === 29)).toBe(true);
  expect(client.geometry.size).toBe(BigInt(3 * mebi));
});

it('is refused where the server does not offer it', async () => {
  await using client = await open(mebi, false);
  expect(client.resizing).toBeUndefined();
  await expect(client.resize(2 * mebi)).rejects.toMatchObject({
    code: 'ERR_NBD_NOT_SUPPORTED',
    message: 'RESIZE: the server does not offer it for this export',
  });
});
