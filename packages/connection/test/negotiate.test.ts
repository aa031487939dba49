/** Negotiations over a channel, with a small server and without one. */
import { ConnectError, NegotiationError, ProtocolError, TimeoutError, UsageError } from '@nbdjs/interfaces';
import { Option } from '@nbdjs/protocol';
import { TinyServer, type TinyServerAddress, tinyServerExportBytes } from '@nbdjs/testkit';
import { connectEndpoint, createMemoryPair } from '@nbdjs/transport';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { negotiate } from '../src/index.ts';
import { Probe } from './support/probe.ts';

let server: TinyServer;
let address: TinyServerAddress;

beforeEach(async () => {
  server = new TinyServer();
  address = await server.listen({ type: 'tcp', host: '127.0.0.1', port: 0 });
});

afterEach(() => server.close());

describe('negotiate', () => {
  it('gives the facts and a channel that is in the transmission phase', async () => {
    const { channel, facts, excess } = await negotiate(await connectEndpoint(address));
    expect(facts).toMatchObject({ size: tinyServerExportBytes, mode: 'structured', style: 'newstyle-fixed' });
    expect(excess).toHaveLength(0);
    const probe = new Probe(channel);
    channel.send([Uint8Array.of(1, 2, 3)]);
    expect(await probe.take(3)).toEqual(Uint8Array.of(1, 2, 3));
    channel.destroy();
  });

  it('C6: ends with ABORT when the server refuses, and names the endpoint', async () => {
    const channel = await connectEndpoint(address);
    const failure = await negotiate(channel, { exportName: 'absent' }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(NegotiationError);
    expect(failure).toMatchObject({ code: 'ERR_NBD_UNKNOWN_EXPORT', permanent: true });
    const { port } = address as { port: number };
    expect((failure as Error).message).toMatch(new RegExp(`^nbd://127\\.0\\.0\\.1:${port}: .*absent`));
    expect((failure as Error).stack).toContain((failure as Error).message);
    await channel.closed;
    expect(server.options.at(-1)).toBe(Option.Abort);
  });

  it('rejects after the time limit when the server sends nothing', async () => {
    server.configure({ silent: true });
    const channel = await connectEndpoint(address);
    const failure = await negotiate(channel, {}, { timeoutMs: 50 }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TimeoutError);
    expect(failure).toMatchObject({ phase: 'handshake', message: expect.stringContaining('nbd://127.0.0.1:') });
    expect(await channel.closed).toMatchObject({ by: 'us' });
  });

  it('rejects with the reason of an abort, unwrapped, and closes the channel', async () => {
    server.configure({ silent: true });
    const channel = await connectEndpoint(address);
    const controller = new AbortController();
    const reason = new Error('no longer wanted');
    const outcome = negotiate(channel, {}, { signal: controller.signal });
    controller.abort(reason);
    await expect(outcome).rejects.toBe(reason);
    await channel.closed;

    const late = await connectEndpoint(address);
    await expect(negotiate(late, {}, { signal: controller.signal })).rejects.toBe(reason);
    await late.closed;
  });

  it('refuses wrong options and closes the channel', async () => {
    const channel = await connectEndpoint(address);
    await expect(negotiate(channel, { contexts: ['no colon'] })).rejects.toBeInstanceOf(UsageError);
    await channel.closed;
  });

  it('reports that TLS is required and not available', async () => {
    const channel = await connectEndpoint(address);
    const failure = await negotiate(channel, { tls: 'require' }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ConnectError);
    expect(failure).toMatchObject({ code: 'ERR_NBD_TLS', permanent: true });
    await channel.closed;
  });

  it('goes on without TLS where that is allowed', async () => {
    const { channel, facts } = await negotiate(await connectEndpoint(address), { tls: 'allow' });
    expect(facts.tls).toBe(false);
    expect(server.options).not.toContain(Option.StartTls);
    channel.destroy();
  });

  it('rejects, and never hangs, when the server disconnects at any byte', async () => {
    const whole = await handshakeBytes();
    expect(whole).toBeGreaterThan(100);
    for (let byteCount = 0; byteCount < whole; byteCount++) {
      server.configure({ hangUpAfterBytes: byteCount });
      const failure = await negotiate(await connectEndpoint(address)).catch((error: unknown) => error);
      expect(failure, `after ${byteCount} bytes`).toBeInstanceOf(Error);
      expect(failure, `after ${byteCount} bytes`).toMatchObject({ code: 'ERR_NBD_PEER_CLOSED', permanent: false });
    }
    await expect.poll(() => server.openCount).toBe(0);
  });

  it('reports a peer that is not an NBD server', async () => {
    const [ours, theirs] = createMemoryPair();
    theirs.open(new Probe(theirs));
    theirs.send([new TextEncoder().encode('HTTP/1.1 400 Bad Request\r\n')]);
    const failure = await negotiate(ours, {}, { name: 'nbd://example' }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'ERR_NBD_NOT_NBD', message: expect.stringMatching(/^nbd:\/\/example: /) });
  });

  it('passes on what the server sent too early', async () => {
    server.configure({ excess: Uint8Array.of(9, 8, 7) });
    const { channel, excess } = await negotiate(await connectEndpoint(address));
    const probe = new Probe(channel);
    const rest = await probe.take(3 - excess.length);
    expect([...excess, ...rest]).toEqual([9, 8, 7]);
    channel.destroy();
  });

  it('upgrades to TLS by the function that it was given', async () => {
    const [ours, theirs] = createMemoryPair();
    const probe = new Probe(theirs);
    const upgrades: unknown[] = [];
    const outcome = negotiate(
      ours,
      { tls: 'require' },
      {
        upgradeTls: (channel) => {
          upgrades.push(channel);
          return Promise.reject(new ConnectError('ERR_NBD_TLS', 'certificate has expired', { permanent: true }));
        },
      },
    ).catch((error: unknown) => error);
    theirs.send([newstyleGreeting]);
    await probe.take(4 + 16);
    theirs.send([startTlsAck]);
    expect(await outcome).toMatchObject({ code: 'ERR_NBD_TLS', permanent: true });
    expect(upgrades).toEqual([ours]);
    expect(await ours.closed).toMatchObject({ by: 'us' });
  });

  it('distinguishes a violation from a refusal', async () => {
    const [ours, theirs] = createMemoryPair();
    const probe = new Probe(theirs);
    const outcome = negotiate(ours).catch((error: unknown) => error);
    theirs.send([newstyleGreeting]);
    await probe.take(4 + 16);
    theirs.send([new Uint8Array(20)]);
    expect(await outcome).toBeInstanceOf(ProtocolError);
  });
});

const newstyleGreeting = Uint8Array.from([...Buffer.from('NBDMAGICIHAVEOPT'), 0, 3]);
const startTlsAck = Uint8Array.from([0, 3, 0xe8, 0x89, 4, 0x55, 0x65, 0xa9, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0]);

/** How many bytes the server sends in a handshake that succeeds. */
async function handshakeBytes(): Promise<number> {
  for (let byteCount = 100; ; byteCount++) {
    server.configure({ hangUpAfterBytes: byteCount });
    const established = await negotiate(await connectEndpoint(address)).catch(() => undefined);
    established?.channel.destroy();
    if (established !== undefined) return byteCount;
  }
}
