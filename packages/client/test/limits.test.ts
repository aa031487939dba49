/** How much a server may send, as told to `connect`: in the handshake, which another thread may lead, and behind it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { type Listener, listen } from '@nbdjs/transport';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConnectOptions, connect } from '../src/index.ts';

const mebi = 2 ** 20;
const folder = mkdtempSync(join(tmpdir(), 'nbdjs-'));
const path = join(folder, 'server');
let server: Server;
let listener: Listener;

beforeAll(async () => {
  const disk = createMemoryDevice({ size: 4 * mebi });
  // Four stretches: data, zeroes, data, zeroes.
  for (const offset of [0, 2 * mebi]) await disk.write(offset, new Uint8Array(mebi).fill(1));
  const disks = { '': { device: disk, description: 'some words' } };
  server = createServer({ exports: disks });
  listener = await listen({ type: 'unix', path }, (channel) => void server.accept(channel));
});

afterAll(async () => {
  await listener.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(['inline', 'handed-over', 'kept'] as const)('limits of what a server may send (%s)', (delivery) => {
  const connected = (options: ConnectOptions) => connect(`nbd+unix:///?socket=${path}`, { delivery, ...options });

  it('hold for its option replies', async () => {
    const opening = connected({ fullInfo: true, limits: { optionRepliesMax: 1 } });
    await expect(opening).rejects.toMatchObject({ violation: 'too-many-option-replies' });
    await using disk = await connected({ fullInfo: true, limits: { optionRepliesMax: 16 } });
    expect(disk.geometry.size).toBe(BigInt(4 * mebi));
  });

  it('hold for its replies to requests', async () => {
    await using narrow = await connected({ limits: { replyExtentsMax: 3 } });
    await expect(narrow.blockStatus(0, 4 * mebi)).rejects.toThrow(/4 extents/);
    await using wide = await connected({ limits: { replyExtentsMax: 4, extentsKeptMax: 2 } });
    const [status] = await wide.blockStatus(0, 4 * mebi);
    expect(status?.extents).toHaveLength(2);
  });

  it('are numbers from 1 on', async () => {
    await expect(connected({ limits: { contextsMax: 0 } })).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
    await expect(connected({ limits: { replyChunksMax: 1.5 } })).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
  });
});
