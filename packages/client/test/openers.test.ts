/** Servers that are reached by a transport of the caller's: in memory here, so that each end can be seen and cut. */
import { createAuthority } from '@nbdjs/certificates';
import { listExports, openInspector, openNegotiation } from '@nbdjs/connection';
import { createServer, type Server } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { patternBytes } from '@nbdjs/testkit';
import { createMemoryPair, serverTls } from '@nbdjs/transport';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ByteChannel,
  type ChannelOpener,
  type ConnectOptions,
  type ConnectTarget,
  connect,
  type NbdClient,
  resolveTarget,
} from '../src/index.ts';

const content = patternBytes(64 * 1024);
let server: Server;
let disk: NbdClient | undefined;
/** Our ends of the channels that were opened, in order. */
let opened: ByteChannel[];

beforeEach(async () => {
  const device = createMemoryDevice({ size: content.length });
  await device.write(0, content);
  server = createServer({ exports: { '': device, small: createMemoryDevice({ size: 4096 }) } });
  opened = [];
});

afterEach(async () => {
  disk?.destroy();
  disk = undefined;
  await expect.poll(() => server.sessions.length).toBe(0);
  await server.destroy();
});

/** Opens a channel to the server. */
function open(): ByteChannel {
  const [ours, theirs] = createMemoryPair();
  opened.push(ours);
  void server.accept(theirs);
  return ours;
}

async function openDisk(target: ConnectTarget = { open }, options: ConnectOptions = {}): Promise<NbdClient> {
  disk = await connect(target, options);
  return disk;
}

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => new Error('this was to fail'),
    (error: unknown) => error,
  );

describe('connect with an opener', () => {
  it('opens an export, which the target or an option names', async () => {
    const client = await openDisk({ open: async () => open(), name: 'wss://far' });
    expect(client.name).toBe('wss://far');
    expect(await client.readBytes(512, 1024)).toEqual(content.subarray(512, 1536));
    await client.close();
    const small = await connect({ open, exportName: 'small' });
    expect(small.geometry.size).toBe(4096n);
    await small.close();
    const other = await connect({ open, exportName: 'small' }, { exportName: '' });
    expect(other.geometry.size).toBe(BigInt(content.length));
    await other.close();
    expect(opened).toHaveLength(3);
  });

  it('may be an object of a class, with members of its own', async () => {
    class Opener implements ChannelOpener {
      readonly name = 'a class';
      readonly url = 'wss://far';
      open(): ByteChannel {
        return open();
      }
    }
    const opener = new Opener();
    expect(resolveTarget(opener)).toMatchObject({ endpoint: opener, exportName: '', name: 'a class' });
    await openDisk(opener);
    expect(opened).toHaveLength(1);
  });

  it('opens a channel again when the connection is lost, and sends again what was in flight', async () => {
    const client = await openDisk({ open }, { reconnectDelayMs: 10_000 });
    const reads = Promise.all([client.readBytes(0, 512), client.readBytes(4096, 512)]);
    opened[0]?.destroy(new Error('cut'));
    expect(await reads).toEqual([content.slice(0, 512), content.slice(4096, 4608)]);
    expect(opened).toHaveLength(2);
  });

  it('connects again at the next call without a reconnect delay', async () => {
    const client = await openDisk();
    opened[0]?.destroy(new Error('cut'));
    await expect.poll(async () => (await failure(client.readBytes(0, 512))) instanceof Error).toBe(true);
    await expect.poll(async () => await client.readBytes(0, 512).catch(() => [])).toEqual(content.slice(0, 512));
  });

  it('opens one channel for each connection', async () => {
    const client = await openDisk({ open }, { connections: 3 });
    await Promise.all(Array.from({ length: 64 }, (_, index) => client.readBytes(index * 1024, 1024)));
    await expect.poll(() => opened.length).toBe(3);
  });

  it('tries again until the opener succeeds', async () => {
    let attempts = 0;
    const flaky = () => {
      attempts++;
      if (attempts === 1) throw new Error('not yet');
      return open();
    };
    await openDisk({ open: flaky }, { openTimeoutMs: 10_000 });
    expect(attempts).toBe(2);
  });

  it('fails with the reason of the opener, and with that of the server', async () => {
    const refusing = { name: 'wss://far', open: () => Promise.reject(new Error('HTTP 403')) };
    expect(await failure(connect(refusing))).toMatchObject({
      name: 'ConnectError',
      message: 'cannot connect to wss://far: HTTP 403',
      cause: { message: 'HTTP 403' },
    });
    expect(await failure(connect({ open, name: 'wss://far', exportName: 'absent' }))).toMatchObject({
      code: 'ERR_NBD_UNKNOWN_EXPORT',
      message: expect.stringMatching(/^wss:\/\/far, export 'absent': /),
    });
  });

  it('closes what was opened when the handshake takes too long', async () => {
    const [ours, theirs] = createMemoryPair();
    const error = await failure(connect({ open: () => ours }, { handshakeTimeoutMs: 20 }));
    expect(error).toMatchObject({ code: 'ERR_NBD_TIMEOUT', phase: 'handshake' });
    expect(await ours.closed).toMatchObject({ by: 'us' });
    theirs.destroy();
  });

  it('stops to open when the caller aborts, and closes a channel that comes later', async () => {
    const controller = new AbortController();
    let give: (channel: ByteChannel) => void = () => {};
    let told: AbortSignal | undefined;
    const slow: ChannelOpener['open'] = ({ signal }) => {
      told = signal;
      return new Promise((resolve) => {
        give = resolve;
      });
    };
    const outcome = failure(connect({ open: slow }, { signal: controller.signal }));
    await expect.poll(() => told).toBeDefined();
    const reason = new Error('never mind');
    controller.abort(reason);
    expect(await outcome).toBe(reason);
    await expect.poll(() => told?.aborted).toBe(true);
    const [late, other] = createMemoryPair();
    give(late);
    expect(await late.closed).toMatchObject({ by: 'us' });
    other.destroy();
  });

  it('closes its channels with the client', async () => {
    const client = await openDisk();
    await client.close();
    expect(await opened[0]?.closed).toBeDefined();
    expect(await failure(client.readBytes(0, 512))).toMatchObject({ code: 'ERR_NBD_CLOSED' });
  });

  it.each<[unknown, ConnectOptions, object]>([
    [{ open: 5 }, {}, { message: 'the target: open is 5, expected a function' }],
    [{ open, name: 5 }, {}, { message: 'the target: name is 5, expected a string' }],
    [{ open, exportName: null }, {}, { message: 'the target: exportName is null, expected a string' }],
    [
      { open, name: 'far' },
      { delivery: 'kept' },
      {
        code: 'ERR_NBD_NOT_SUPPORTED',
        message: "connect: delivery is 'kept', but an opener of channels belongs to this thread, expected 'inline'",
      },
    ],
  ])('refuses %o with %o', async (target, options, error) => {
    expect(await failure(connect(target as ConnectTarget, options))).toMatchObject({ name: 'UsageError', ...error });
    expect(opened).toHaveLength(0);
  });

  it('says what to do with a channel', async () => {
    const [channel, other] = createMemoryPair();
    expect(await failure(connect(channel as never))).toMatchObject({
      name: 'UsageError',
      message: 'the target is a ByteChannel, expected { open: () => channel }, which opens one for each attempt',
    });
    channel.destroy();
    other.destroy();
  });
});

describe('TLS over an opener', () => {
  it('is checked against the host name of the settings', async () => {
    const authority = await createAuthority();
    const { certificate: cert, key } = await authority.issueServer({ hosts: ['far.example'] });
    await server.destroy();
    const device = createMemoryDevice({ size: 4096 });
    server = createServer({ exports: { '': device }, tls: serverTls({ certificates: { cert, key } }) });
    const certificates = { ca: authority.certificate };
    const client = await openDisk({ open }, { tls: { certificates, hostname: 'far.example' } });
    expect(client.facts.tls).toBe(true);
    await client.close();
    const other = await failure(connect({ open }, { tls: { certificates, hostname: 'near.example' } }));
    expect(other).toMatchObject({ code: 'ERR_NBD_TLS' });
    // Any server of the system's authorities would do, so a name has to be given.
    expect(await failure(connect({ open }, { tls: { mode: 'require' } }))).toMatchObject({
      name: 'UsageError',
      message: expect.stringContaining('host name'),
    });
  });
});

describe('questions over an opener', () => {
  it('openNegotiation lists exports, and asks about them', async () => {
    const negotiation = await openNegotiation({ open, name: 'wss://far' });
    expect((await negotiation.list()).map(({ name }) => name)).toEqual(['', 'small']);
    expect(await negotiation.info('small')).toMatchObject({ size: 4096n });
    expect(await failure(negotiation.info('absent'))).toMatchObject({ message: expect.stringContaining('wss://far') });
    await negotiation.abort();
    expect(opened).toHaveLength(1);
  });

  it('openNegotiation tries again', async () => {
    let attempts = 0;
    const flaky = () => {
      attempts++;
      if (attempts === 1) throw new Error('not yet');
      return open();
    };
    const negotiation = await openNegotiation({ open: flaky }, { openTimeoutMs: 10_000 });
    await negotiation.abort();
    expect(attempts).toBe(2);
  });

  it('openInspector inspects, and opens exports', async () => {
    const inspector = await openInspector({ open, name: 'wss://far' });
    expect(inspector.name).toBe('wss://far');
    const names: string[] = [];
    for await (const { name, size, error } of listExports(inspector)) names.push(`${name} ${size} ${error}`);
    expect(names).toEqual([' 65536 undefined', 'small 4096 undefined']);
    const { channel, facts } = await inspector.open('small');
    expect(facts.size).toBe(4096n);
    channel.destroy();
    // The next one needs a connection of its own.
    const second = await inspector.open('small');
    expect(second.facts.size).toBe(4096n);
    second.channel.destroy();
    await inspector.close();
    expect(opened).toHaveLength(2);
  });
});
