/** An attacker in between: bytes that are removed, answered in the server's place or injected always lead to an error. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import {
  encodeAckReply,
  encodeErrorReply,
  encodeGreeting,
  encodeInfoReply,
  Option,
  OptionReply,
  optionHeaderBytes,
} from '@nbdjs/protocol';
import { TestAuthority } from '@nbdjs/testkit';
import type { TlsClientSettings } from '@nbdjs/transport';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createConnector, type Delivery } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-attacks-'));
const path = join(folder, 'socket');
const authority = await TestAuthority.create();
const tls: TlsClientSettings = { certificates: { ca: authority.pem }, hostname: 'localhost' };

const greeting = encodeGreeting({ style: 'newstyle', handshakeFlags: 3 });
const consent = encodeAckReply(Option.StartTls);
const unasked = encodeAckReply(Option.StructuredReply);
const unsupported = encodeErrorReply(Option.StartTls, OptionReply.ErrUnsupported, 'no such thing here');
/** Replies that would open an export, if the client accepted them. */
const opened = [
  encodeInfoReply(Option.Go, { kind: 'export', size: 4096n, transmissionFlags: 1 }),
  encodeAckReply(Option.Go),
];

let server: Server;
/** What the attacker sends when the client has sent so many bytes. */
let script: (said: number, socket: Socket) => void;
const sockets = new Set<Socket>();
/** All bytes that the client has sent. */
let heard = Buffer.alloc(0);

beforeEach(async () => {
  heard = Buffer.alloc(0);
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    socket.write(greeting);
    socket.on('data', (bytes) => {
      heard = Buffer.concat([heard, bytes]);
      script(heard.length, socket);
    });
  });
  await new Promise<void>((resolve) => void server.listen(path, resolve));
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

afterAll(() => rmSync(folder, { recursive: true }));

/** When the client's flags and its STARTTLS have come, sends the answers once. */
function onStartTls(...answers: readonly (Uint8Array | number)[]): void {
  let isAnswered = false;
  script = (said, socket) => {
    if (isAnswered || said < 4 + optionHeaderBytes) return;
    isAnswered = true;
    void say(socket, answers);
  };
}

/** The bytes between two numbers are sent in one piece; a number is a pause, in milliseconds. */
async function say(socket: Socket, answers: readonly (Uint8Array | number)[]): Promise<void> {
  const pieces: Uint8Array[] = [];
  for (const answer of answers) {
    if (typeof answer !== 'number') {
      pieces.push(answer);
      continue;
    }
    socket.write(Buffer.concat(pieces.splice(0)));
    await new Promise((resolve) => setTimeout(resolve, answer));
  }
  socket.write(Buffer.concat(pieces));
}

async function outcome(delivery: Delivery, mode: 'allow' | 'require'): Promise<unknown> {
  const { connector } = createConnector({
    endpoint: { type: 'unix', path },
    handshake: { tls: mode, exportName: 'secret' },
    handshakeTimeoutMs: 5000,
    delivery,
    tls,
  });
  try {
    const established = await connector.establish({ wait: true });
    established.channel.destroy();
    return established.facts;
  } catch (error) {
    return error;
  } finally {
    connector.release();
  }
}

const smuggled = { violation: 'clear-text-behind-starttls', rule: 'S25' };

for (const delivery of ['inline', 'kept'] as const) {
  for (const mode of ['require', 'allow'] as const) {
    describe(`${delivery}, TLS: ${mode}`, () => {
      it('C22: bytes in the same write as the consent', async () => {
        onStartTls(consent, ...opened);
        expect(await outcome(delivery, mode)).toMatchObject(smuggled);
      });

      it('C22: bytes a moment after the consent', async () => {
        onStartTls(consent, 50, ...opened);
        expect(await outcome(delivery, mode)).toMatchObject(smuggled);
      });

      it('C22: a single byte after the consent, and then nothing', async () => {
        onStartTls(consent, Uint8Array.of(0), 20, ...opened);
        expect(await outcome(delivery, mode)).toMatchObject(smuggled);
      });

      it('C18: an answer before the consent that was not asked for', async () => {
        onStartTls(unasked, consent);
        expect(await outcome(delivery, mode)).toMatchObject({ code: 'ERR_NBD_PROTOCOL' });
      });

      it('a consent, and then TLS of another server', async () => {
        const other = await TestAuthority.create();
        const files = await other.issueServer(join(folder, `files-${delivery}-${mode}`));
        script = (said, socket) => {
          if (said === 4 + optionHeaderBytes) impersonate(socket, files);
        };
        expect(await outcome(delivery, mode)).toMatchObject({
          code: 'ERR_NBD_TLS',
          permanent: true,
          message: expect.stringContaining('not signed by an authority that is trusted here'),
        });
      });

      it('C22: a consent, and then a hang-up', async () => {
        script = (said, socket) => {
          if (said >= 4 + optionHeaderBytes) socket.end(consent);
        };
        expect(await outcome(delivery, mode)).toMatchObject({
          code: 'ERR_NBD_TLS',
          permanent: false,
          message: expect.stringContaining('hung up during the TLS handshake'),
        });
      });
    });
  }

  it(`C23, C29: a refusal in the server's place does not lead into clear text: ${delivery}`, async () => {
    onStartTls(unsupported);
    expect(await outcome(delivery, 'require')).toMatchObject({ code: 'ERR_NBD_TLS_REFUSED', permanent: true });
    expect(heard.includes('secret')).toBe(false);
  });
}

/** An attacker that consents, and goes on with its own TLS. */
function impersonate(socket: Socket, files: string): void {
  socket.removeAllListeners('data');
  socket.write(consent);
  const [cert, key] = ['server-cert.pem', 'server-key.pem'].map((name) => readFileSync(join(files, name)));
  new TLSSocket(socket, { isServer: true, cert, key }).on('error', () => {});
}
