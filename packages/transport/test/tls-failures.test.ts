/** Why TLS fails, in words, and whether it would fail again. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createNodeServer } from 'node:tls';
import type { ByteChannel } from '@nbdjs/interfaces';
import { TestAuthority } from '@nbdjs/testkit';
import { afterAll, describe, expect, it, vi } from 'vitest';
import {
  connectTcp,
  connectUnix,
  createMemoryPair,
  createTlsClient,
  createTlsServer,
  listen,
  type TlsClientSettings,
  type TlsServerSettings,
} from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-tls-'));
const authority = await TestAuthority.create();
const stranger = await TestAuthority.create();
const past = { validFrom: new Date('2001-01-01'), validTo: new Date('2002-01-01') };
const future = { validFrom: new Date('2036-01-01'), validTo: new Date('2037-01-01') };
const pki = await authority.issueServer(join(folder, 'pki'));
await authority.issueClient(pki, { name: 'CN=one,O=Example\\, Inc,C=GB' });
const expired = await authority.issueServer(join(folder, 'expired'), past);
const early = await authority.issueServer(join(folder, 'early'), future);
const strange = await stranger.issueServer(join(folder, 'strange'));
await stranger.issueClient(strange);
const own = await authority.issueClient(join(folder, 'own'));
const late = await authority.issueClient(join(folder, 'late'), past);
const ca = authority.pem;
const keys = { alice: new Uint8Array(16).fill(3) };

afterAll(() => rmSync(folder, { recursive: true }));

/** The two ends of a Unix socket. */
async function pair(): Promise<[ByteChannel, ByteChannel]> {
  const path = join(folder, 'socket');
  let accept: (channel: ByteChannel) => void = () => {};
  const accepted = new Promise<ByteChannel>((resolve) => {
    accept = resolve;
  });
  const listener = await listen({ type: 'unix', path }, accept);
  const ours = await connectUnix(path);
  const theirs = await accepted;
  await listener.close();
  return [ours, theirs];
}

/** A server that asks for no certificate by default, and that was set up at a time when its certificate was valid. */
function serverOf(settings: TlsServerSettings) {
  const folderOf = settings.certificates?.folder;
  const now = folderOf === expired ? past.validFrom : folderOf === early ? future.validFrom : undefined;
  if (now !== undefined) vi.useFakeTimers({ toFake: ['Date'], now: now.getTime() + 1000 });
  try {
    return createTlsServer({ verifyPeer: false, ...settings });
  } finally {
    vi.useRealTimers();
  }
}

/** How it comes out on both sides; with TLS 1.3 a client may hear only afterwards that it is refused. */
async function outcome(client: TlsClientSettings, server: TlsServerSettings, host = 'localhost') {
  const [ours, theirs] = await pair();
  const accepting = serverOf(server)
    .upgrade(theirs)
    .catch((error: unknown) => error);
  const channel = await createTlsClient(client, host)
    .upgrade(ours)
    .catch((error: unknown) => error);
  const accepted = await accepting;
  if (channel instanceof Error) return { client: channel, server: accepted };
  const secured = channel as ByteChannel;
  const end = new Promise<unknown>((resolve) => {
    secured.open({ writable: () => new Uint8Array(10), advance() {}, drained() {}, ended: resolve });
  });
  // A server that accepts us gets close_notify, and sends it itself.
  if (!(accepted instanceof Error)) (accepted as ByteChannel).destroy();
  const cause = await end;
  secured.destroy();
  return { client: accepted instanceof Error ? cause : channel, server: accepted };
}

const failed = (permanent: boolean, message: string) => ({
  code: 'ERR_NBD_TLS',
  permanent,
  message: expect.stringContaining(message),
});

describe('a server', () => {
  it.each([
    [
      'for another name',
      { certificates: { ca } },
      { certificates: { folder: pki } },
      'example.org',
      /is for "localhost".*not for "example\.org"/,
    ],
    [
      'for another address',
      { certificates: { ca } },
      { certificates: { folder: pki } },
      '10.1.2.3',
      /not for "10\.1\.2\.3"/,
    ],
    [
      'expired',
      { certificates: { ca } },
      { certificates: { folder: expired } },
      'localhost',
      /certificate has expired on 2002-01-01/,
    ],
    [
      'early',
      { certificates: { ca } },
      { certificates: { folder: early } },
      'localhost',
      /is not valid before 2036-01-01/,
    ],
    [
      'strange',
      { certificates: { ca } },
      { certificates: { folder: strange } },
      'localhost',
      /not signed by an authority/,
    ],
    [
      'unknown to the system',
      { certificates: {} },
      { certificates: { folder: pki } },
      'localhost',
      /not signed by an authority/,
    ],
  ] as const)('%s', async (_, client, server, host, message) => {
    const result = await outcome(client, server, host);
    expect(result.client).toMatchObject(failed(true, ''));
    expect((result.client as Error).message).toMatch(message);
    expect(result.server).toMatchObject(failed(false, 'the client hung up during the TLS handshake'));
  });

  it('is checked by name and by either kind of address, and not at all where the check is off', async () => {
    for (const [settings, host] of [
      [{ certificates: { ca } }, 'localhost'],
      [{ certificates: { ca } }, '127.0.0.1'],
      [{ certificates: { ca } }, '::1'],
      [{ certificates: { ca }, hostname: 'localhost' }, 'example.org'],
      [{ certificates: { ca }, verifyPeer: false }, 'example.org'],
    ] as const) {
      const { client } = await outcome(settings, { certificates: { folder: pki } }, host);
      expect(client).toMatchObject({ tls: { protocol: 'TLSv1.3' }, peer: { tls: true } });
    }
  });

  it('that is revoked', async () => {
    const server = { certificates: { folder: pki } };
    const crl = await authority.revoke(join(pki, 'server-cert.pem'));
    expect((await outcome({ certificates: { ca, crl } }, server)).client).toMatchObject(failed(true, 'is revoked'));
    const others = { certificates: { ca, crl: await authority.revoke(join(own, 'client-cert.pem')) } };
    expect((await outcome(others, server)).client).toMatchObject({ tls: {} });
    const foreign = { certificates: { ca, crl: await stranger.revoke() } };
    expect((await outcome(foreign, server)).client).toMatchObject(failed(true, 'no list of revoked certificates'));
  });

  it("that shows a client's certificate", async () => {
    const [cert, key] = ['client-cert.pem', 'client-key.pem'].map((name) => readFileSync(join(own, name), 'utf8'));
    // Ours would not begin with it.
    const node = createNodeServer({ cert, key }).on('tlsClientError', () => {});
    await new Promise<void>((resolve) => void node.listen(join(folder, 'node'), resolve));
    const upgrading = createTlsClient({ certificates: { ca } }, 'client').upgrade(
      await connectUnix(join(folder, 'node')),
    );
    await expect(upgrading).rejects.toMatchObject(failed(true, 'is not meant for a server, but for clients'));
    node.close();
  });
});

describe('a client', () => {
  const strict: TlsServerSettings = { certificates: { folder: pki }, verifyPeer: true };

  it('is known by its subject, as GnuTLS writes it', async () => {
    const { server } = await outcome({ certificates: { folder: pki } }, strict);
    expect(server).toMatchObject({ tls: { subject: 'CN=one,O=Example\\, Inc,C=GB' } });
  });

  it('without a certificate', async () => {
    const { client, server } = await outcome({ certificates: { ca } }, strict);
    expect(server).toMatchObject(failed(true, 'the client sends no certificate, although one is required here'));
    expect(client).toMatchObject(failed(true, 'the server requires a certificate of the client'));
  });

  it.each([
    ['strange', () => ({ folder: strange, ca }), 'not signed by an authority that is trusted here'],
    ['expired', () => ({ folder: late }), 'certificate has expired on 2002-01-01'],
  ] as const)('%s', async (_, certificates, message) => {
    const { client, server } = await outcome({ certificates: certificates() }, strict);
    expect(server).toMatchObject(failed(true, message));
    expect(client).toMatchObject(failed(false, 'hung up directly after the TLS handshake'));
  });

  it('that is revoked', async () => {
    const crl = await authority.revoke(join(own, 'client-cert.pem'));
    const { server } = await outcome(
      { certificates: { folder: own } },
      { ...strict, certificates: { folder: pki, crl } },
    );
    expect(server).toMatchObject(failed(true, "the client's certificate is revoked"));
  });
});

describe('a shared key', () => {
  const server: TlsServerSettings = { psk: { keys } };
  const alice: TlsClientSettings = { psk: { user: 'alice', key: keys.alice } };

  it('has a name', async () => {
    expect((await outcome(alice, server)).server).toMatchObject({ tls: { user: 'alice' } });
    const find = (user: string) => (user === 'alice' ? keys.alice : undefined);
    expect((await outcome(alice, { psk: { find } })).server).toMatchObject({ tls: { user: 'alice' } });
  });

  it('F25: has the name of a user that its file has in digits', async () => {
    const file = join(folder, 'digits.psk');
    writeFileSync(file, `bob:00ff\n#${Buffer.from('alice:home').toString('hex')}:0123\n`);
    const { server: accepted } = await outcome({ psk: { file, user: 'alice:home' } }, { psk: { file } });
    expect(accepted).toMatchObject({ tls: { user: 'alice:home' } });
  });

  it.each([
    ['of another user', { user: 'bob', key: keys.alice }, 'has no such user', 'no key that is known here'],
    [
      'that differs',
      { user: 'alice', key: new Uint8Array(16) },
      'has another key for this user',
      'has another key for this user',
    ],
  ] as const)('%s', async (_, psk, ours, theirs) => {
    const result = await outcome({ psk }, server);
    expect(result.client).toMatchObject(failed(true, ours));
    expect(result.server).toMatchObject(failed(true, theirs));
  });

  it('and certificates do not fit each other', async () => {
    const certificates = { certificates: { folder: pki } };
    expect((await outcome(alice, certificates)).client).toMatchObject(
      failed(true, 'although a shared key was expected'),
    );
    expect((await outcome({ certificates: { ca } }, server)).client).toMatchObject(failed(true, 'or a shared key'));
  });
});

describe('the other side', () => {
  it.each(['TLSv1', 'TLSv1.1'] as const)('G8: with nothing newer than %s', async (version) => {
    const [cert, key] = ['server-cert.pem', 'server-key.pem'].map((name) => readFileSync(join(pki, name)));
    const old = createNodeServer({
      cert,
      key,
      minVersion: 'TLSv1',
      maxVersion: version,
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    old.on('tlsClientError', () => {});
    await new Promise<void>((resolve) => void old.listen(0, '127.0.0.1', resolve));
    const channel = await connectTcp({ host: '127.0.0.1', port: (old.address() as { port: number }).port });
    const upgrading = createTlsClient({ certificates: { ca } }, 'localhost').upgrade(channel);
    await expect(upgrading).rejects.toMatchObject(
      failed(true, 'no version of TLS that is supported here (1.2 and 1.3)'),
    );
    old.close();
  });

  it.each([
    ['an option reply', '0003e889045565a9000000050000000100000000'],
    ['an option', '49484156454f50540000000700000000'],
    ['a greeting', '4e42444d4147494349484156454f50540003'],
    ['zeroes', '00'.repeat(30)],
    ['HTTP', '474554202f20485454502f312e310d0a0d0a'],
  ])('S25: says %s instead', async (_, hex) => {
    const violation = { code: 'ERR_NBD_PROTOCOL', violation: 'clear-text-behind-starttls' };
    for (const tls of [createTlsClient({ certificates: { ca } }, 'localhost'), createTlsServer({ psk: { keys } })]) {
      const [ours, theirs] = createMemoryPair();
      theirs.send([Buffer.from(hex, 'hex')]);
      await expect(tls.upgrade(ours)).rejects.toMatchObject(violation);
      theirs.destroy();
    }
  });

  it('sends nothing', async () => {
    const [ours] = createMemoryPair();
    const upgrading = createTlsClient({ certificates: { ca } }, 'localhost').upgrade(ours, { timeoutMs: 30 });
    await expect(upgrading).rejects.toMatchObject({ code: 'ERR_NBD_TIMEOUT', phase: 'handshake' });
    expect(await ours.closed).toMatchObject({ by: 'us' });
  });

  it('is given up on', async () => {
    const [ours] = createMemoryPair();
    const controller = new AbortController();
    const { signal } = controller;
    const upgrading = createTlsClient({ certificates: { ca } }, 'localhost').upgrade(ours, { signal });
    controller.abort(new Error('enough'));
    await expect(upgrading).rejects.toThrow('enough');
    await ours.closed;
  });
});
