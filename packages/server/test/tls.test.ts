/** TLS on the server's side: modes, who is let in, and what does not get past the upgrade. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectSocket, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { connect } from '@nbdjs/client';
import { openNegotiation } from '@nbdjs/connection';
import { encodeClientFlags, encodeOption, Option, OptionReply } from '@nbdjs/protocol';
import { createMemoryDevice } from '@nbdjs/storage';
import { seededRandom, TestAuthority } from '@nbdjs/testkit';
import { type Listener, listen, serverTls, type TlsClientSettings, type TlsServerSettings } from '@nbdjs/transport';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createServer, type Export, type Server, type ServerOptions } from '../src/index.ts';

const mebi = 2 ** 20;
const folder = mkdtempSync(join(tmpdir(), 'nbdjs-'));
const path = join(folder, 'socket');
const authority = await TestAuthority.create();
const pki = await authority.issueServer(join(folder, 'pki'));
await authority.issueClient(pki, { name: 'CN=one,O=Example\\, Inc,C=GB' });
const other = await authority.issueClient(join(folder, 'other'), { name: 'two' });
const subject = 'CN=one,O=Example\\, Inc,C=GB';
const ca = authority.pem;

const nobody: TlsClientSettings = { certificates: { ca }, hostname: 'localhost' };
const one: TlsClientSettings = { certificates: { folder: pki }, hostname: 'localhost' };
const two: TlsClientSettings = { certificates: { folder: other }, hostname: 'localhost' };
const keys = { alice: new Uint8Array(32).fill(1), bob: new Uint8Array(32).fill(2) };
const alice: TlsClientSettings = { psk: { user: 'alice', key: keys.alice } };
const bob: TlsClientSettings = { psk: { user: 'bob', key: keys.bob } };
const certificates: TlsServerSettings = { certificates: { folder: pki } };
/** Asks no client for one. */
const anybody: TlsServerSettings = { ...certificates, verifyPeer: false };

let listener: Listener | undefined;
let server: Server;

async function serve(tls: TlsServerSettings, options: Partial<ServerOptions> = {}): Promise<Server> {
  server = createServer({ exports: { disk: createMemoryDevice({ size: 8 * mebi }) }, tls: serverTls(tls), ...options });
  listener = await listen({ type: 'unix', path }, (channel) => void server.accept(channel));
  return server;
}

afterEach(async () => {
  await listener?.close();
  await server.destroy();
});

afterAll(() => rmSync(folder, { recursive: true }));

const uri = (exportName = 'disk'): string => `nbd+unix:///${exportName}?socket=${path}`;
const open = (tls?: TlsClientSettings & { mode?: 'allow' }, exportName?: string) =>
  connect(uri(exportName), { tls, delivery: 'inline' });
const errorOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (error: unknown) => error,
  );

describe('data', () => {
  it.each([
    ['certificates', anybody, nobody],
    ['shared keys', { psk: { keys } }, alice],
  ] as const)('is the same on both sides, with %s', async (_, ours, theirs) => {
    await serve(ours);
    await using client = await connect(uri(), { tls: theirs });
    expect(client.facts.tls).toBe(true);
    const random = seededRandom(1);
    const model = new Uint8Array(8 * mebi);
    await Promise.all(
      Array.from({ length: 200 }, async (__, number) => {
        const piece = Uint8Array.from({ length: 1 + Math.floor(random() * 40_000) }, () => Math.floor(random() * 256));
        model.set(piece, number * 41_000);
        await client.write(number * 41_000, piece);
      }),
    );
    const seen = await client.readBytes(0, model.length);
    expect(Buffer.compare(seen, model)).toBe(0);
  });
});

describe('who is who', () => {
  it('is told to providers, and of sessions', async () => {
    const seen: unknown[] = [];
    const exports = {
      open: (_: string, client: unknown) => {
        seen.push(client);
        return { device: createMemoryDevice({ size: mebi }) };
      },
    };
    await serve({ ...certificates, verifyPeer: true }, { exports });
    await using client = await open(one);
    const tls = { protocol: 'TLSv1.3', cipher: expect.stringContaining('TLS_AES'), subject };
    expect(seen).toEqual([{ peer: expect.objectContaining({ transport: 'unix', tls: true }), tls }]);
    expect(server.sessions).toMatchObject([{ tls, facts: { tls: true } }]);
    expect(client.geometry.size).toBe(BigInt(mebi));
  });

  it('does not count for certificates that are not checked', async () => {
    await serve(anybody);
    await using _ = await open(one);
    expect(server.sessions[0]?.tls?.subject).toBeUndefined();
  });

  it.each([
    ['subject', { ...certificates, allow: [subject] }, one, two, "'CN=two' is not served here"],
    ['user', { psk: { keys }, allow: ['alice'] }, alice, bob, "user 'bob' is not served here"],
    [
      'function',
      { psk: { keys }, allow: ({ user }: { user?: string | undefined }) => user === 'alice' },
      alice,
      bob,
      "user 'bob' is not served here",
    ],
  ] as const)('decides for the whole server, by %s', async (_, settings, welcome, unwelcome, text) => {
    await serve(settings);
    await using __ = await open(welcome);
    expect(await errorOf(open(unwelcome))).toMatchObject({
      code: 'ERR_NBD_POLICY',
      permanent: true,
      serverText: text,
    });
    const negotiation = await openNegotiation({ type: 'unix', path }, { tls: unwelcome });
    expect(await errorOf(negotiation.list())).toMatchObject({ code: 'ERR_NBD_POLICY', serverText: text });
    negotiation.close();
  });

  it('decides for each export, and what is listed', async () => {
    const device = createMemoryDevice({ size: mebi });
    const exports: Record<string, Export> = {
      all: { device },
      ones: { device, allow: [subject] },
    };
    await serve(certificates, { exports });
    await using _ = await open(one, 'ones');
    expect(await errorOf(open(two, 'ones'))).toMatchObject({
      code: 'ERR_NBD_POLICY',
      serverText: "this export is not for 'CN=two'",
    });
    await using __ = await open(two, 'all');
    expect(await errorOf(open(nobody, 'all'))).toMatchObject({ code: 'ERR_NBD_TLS', permanent: true });
    for (const [who, names] of [
      [one, ['all', 'ones']],
      [two, ['all']],
    ] as const) {
      const negotiation = await openNegotiation({ type: 'unix', path }, { tls: who });
      expect((await negotiation.list()).map(({ name }) => name)).toEqual(names);
      negotiation.close();
    }
  });
});

describe('modes', () => {
  it('S24: require refuses everything else, and opens nothing before', async () => {
    let opened = 0;
    await serve(certificates, { exports: { open: () => void opened++ } });
    expect(await errorOf(connect(uri(), { delivery: 'inline' }))).toMatchObject({ code: 'ERR_NBD_TLS_REQUIRED' });
    expect(opened).toBe(0);
  });

  it('S28: allow serves in the clear what is not for TLS only', async () => {
    const device = createMemoryDevice({ size: mebi });
    const exports = { open: { device }, secret: { device, tlsOnly: true } };
    await serve({ ...anybody, mode: 'allow' }, { exports });
    await using plain = await open(undefined, 'open');
    expect(plain.facts.tls).toBe(false);
    expect(await errorOf(open(undefined, 'secret'))).toMatchObject({ code: 'ERR_NBD_TLS_REQUIRED' });
    await using secured = await open(nobody, 'secret');
    expect(secured.facts.tls).toBe(true);
    const names = async (tls?: TlsClientSettings): Promise<readonly string[]> => {
      const negotiation = await openNegotiation({ type: 'unix', path }, { tls });
      try {
        return (await negotiation.list()).map(({ name }) => name);
      } finally {
        negotiation.close();
      }
    };
    expect(await names()).toEqual(['open']);
    expect(await names(nobody)).toEqual(['open', 'secret']);
  });

  it('S28: allow with a list of clients serves no other client', async () => {
    await serve({ ...certificates, mode: 'allow', allow: [subject] });
    expect(await errorOf(open())).toMatchObject({ code: 'ERR_NBD_TLS_REQUIRED' });
    await using client = await open(one);
    expect(client.facts.tls).toBe(true);
  });

  it('S23: off refuses TLS, and what is for TLS only', async () => {
    const device = createMemoryDevice({ size: mebi });
    await serve({ mode: 'off' }, { exports: { open: { device }, secret: { device, tlsOnly: true } } });
    expect(await errorOf(open(nobody))).toMatchObject({ code: 'ERR_NBD_TLS_REFUSED' });
    await using allowed = await open({ ...nobody, mode: 'allow' }, 'open');
    expect(allowed.facts.tls).toBe(false);
    expect(await errorOf(open(undefined, 'secret'))).toMatchObject({ code: 'ERR_NBD_POLICY' });
  });
});

describe('the upgrade', () => {
  it('S27: what was opened for an unknown client is opened again for the known one', async () => {
    const log: string[] = [];
    const exports = {
      open: (name: string, { tls }: { tls?: unknown }) => {
        log.push(`${name} ${tls === undefined ? 'in the clear' : 'in TLS'}`);
        return { device: createMemoryDevice({ size: mebi }), release: () => void log.push('released') };
      },
    };
    await serve({ ...anybody, mode: 'allow' }, { exports });
    const raw = new RawSocket(path);
    const query = Buffer.from('000000046469736b0000', 'hex');
    raw.send(encodeClientFlags(3), encodeOption(Option.Info, query), encodeOption(Option.StartTls));
    // The greeting, the export and its block sizes, what ends the answer, and the consent.
    await raw.take(18 + 32 + 34 + 20 + 20);
    raw.socket.removeAllListeners('data');
    const secured = connectTls({ socket: raw.socket, ca, servername: 'localhost' });
    secured.write(encodeOption(Option.Info, query));
    await once(secured, 'data');
    secured.destroy();
    expect(log).toEqual(['disk in the clear', 'released', 'disk in TLS']);
  });

  it.each([
    ['at once', 0],
    ['a moment later', 50],
  ])('S25: an option in the clear behind STARTTLS, %s, is never answered', async (_, delayMs) => {
    const ends: unknown[] = [];
    await serve({ ...certificates, mode: 'allow' }, { trace: failures(ends) });
    const raw = new RawSocket(path);
    await raw.take(18);
    const smuggled = [encodeOption(Option.List), encodeOption(Option.ExtendedHeaders)];
    raw.send(encodeClientFlags(3), encodeOption(Option.StartTls), ...(delayMs === 0 ? smuggled : []));
    const ack = await raw.take(20);
    expect(ack.readUInt32BE(12)).toBe(OptionReply.Ack);
    if (delayMs > 0) raw.send(...smuggled);
    const rest = await raw.rest();
    // At most an alert of TLS.
    expect(rest.length === 0 || rest[0] === 0x15).toBe(true);
    await expect.poll(() => ends).toMatchObject([{ violation: 'clear-text-behind-starttls', rule: 'S25' }]);
  });

  it('is covered by the deadline of the handshake', async () => {
    const ends: unknown[] = [];
    await serve(certificates, { limits: { handshakeMs: 200 }, trace: failures(ends) });
    const raw = new RawSocket(path);
    raw.send(encodeClientFlags(3), encodeOption(Option.StartTls));
    expect((await raw.rest()).length).toBe(18 + 20);
    expect(ends).toMatchObject([{ code: 'ERR_NBD_TIMEOUT', message: expect.stringContaining('setting up TLS') }]);
  });

  it('leaves nothing behind when clients vanish in it', async () => {
    await serve(certificates);
    for (let round = 0; round < 10; round++) {
      const raw = new RawSocket(path);
      await raw.take(18);
      raw.send(encodeClientFlags(3), encodeOption(Option.StartTls));
      await raw.take(20);
      // The beginning of a record, and nothing more.
      raw.send(Buffer.from('160301', 'hex'));
      raw.socket.destroy();
    }
    await expect.poll(() => server.sessions.length).toBe(0);
  });
});

describe('reloading', () => {
  it('takes new certificates for new clients, and disconnects no client', async () => {
    const files = await authority.issueServer(join(folder, 'replaced'), { hosts: ['localhost'] });
    await serve({ certificates: { folder: files }, verifyPeer: false });
    await using early = await open(nobody);
    await authority.issueServer(files, { hosts: ['elsewhere'] });
    await using stillOld = await open(nobody);
    server.reloadTls();
    expect(await errorOf(open(nobody))).toMatchObject({
      code: 'ERR_NBD_TLS',
      message: expect.stringContaining('is for "elsewhere", not for "localhost"'),
    });
    await using late = await open({ ...nobody, hostname: 'elsewhere' });
    for (const client of [early, stillOld, late]) expect((await client.readBytes(0, 512)).length).toBe(512);
  });

  it('goes on with the old ones when the new ones are no good', async () => {
    const files = await authority.issueServer(join(folder, 'broken'));
    await serve({ certificates: { folder: files }, verifyPeer: false });
    writeFileSync(join(files, 'server-key.pem'), 'nonsense');
    expect(() => server.reloadTls()).toThrow(`${join(files, 'server-key.pem')}: it holds no private key`);
    await using client = await open(nobody);
    expect(client.facts.tls).toBe(true);
  });

  it('is an error where there is no TLS', async () => {
    server = createServer({ exports: {} });
    expect(() => server.reloadTls()).toThrow('this server has no TLS');
  });
});

/** Keeps the errors of handshakes. */
function failures(ends: unknown[]) {
  return {
    enabled: true,
    emit: (event: string, { error }: Readonly<Record<string, unknown>>) => {
      if (event === 'handshake-failed') ends.push(error);
    },
  };
}

/** A client that says whatever it likes. */
class RawSocket {
  readonly socket: Socket;
  #bytes = Buffer.alloc(0);
  #hasEnded = false;
  #wake: () => void = () => {};

  constructor(where: string) {
    this.socket = connectSocket(where);
    this.socket.on('data', (bytes) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      this.#wake();
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.#hasEnded = true;
      this.#wake();
    });
  }

  send(...pieces: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(pieces));
  }

  async take(byteCount: number): Promise<Buffer> {
    while (this.#bytes.length < byteCount) {
      if (this.#hasEnded) throw new Error('the server has hung up');
      await this.#change();
    }
    const taken = this.#bytes.subarray(0, byteCount);
    this.#bytes = this.#bytes.subarray(byteCount);
    return taken;
  }

  /** All that comes until the server hangs up. */
  async rest(): Promise<Buffer> {
    while (!this.#hasEnded) await this.#change();
    return this.#bytes;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
