/** F24: with TLS 1.2, each kind of cipher reports a damaged record in its own way; the message is the same. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { TestAuthority } from '@nbdjs/testkit';
import { afterAll, describe, expect, it } from 'vitest';
import { connectTcp, createTlsClient } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-tls-'));
const authority = await TestAuthority.create();
const pki = await authority.issueServer(join(folder, 'server'));
const [cert, key] = ['server-cert.pem', 'server-key.pem'].map((name) => readFileSync(join(pki, name)));
const client = createTlsClient({ certificates: { ca: authority.pem }, hostname: 'localhost' });

afterAll(() => rmSync(folder, { recursive: true }));

const suites = ['AES128-GCM-SHA256', 'CHACHA20-POLY1305', 'AES128-SHA256', 'AES128-CCM'];
describe.each(suites)('F24: %s', (suite) => {
  it.each([64, 1])('a record of %i bytes that cannot be deciphered is reported in words', async (byteCount) => {
    const record = Buffer.concat([Uint8Array.of(0x17, 3, 3, 0, byteCount), Buffer.alloc(byteCount, 'z')]);
    const server = await spoilingServer(`ECDHE-ECDSA-${suite}:ECDHE-RSA-${suite}:${suite}`, record);
    const { port } = server.address() as AddressInfo;
    const channel = await client.upgrade(await connectTcp({ host: '127.0.0.1', port }));
    channel.open({ writable: () => new Uint8Array(10), advance() {}, drained() {}, ended() {} });
    expect(await channel.closed).toMatchObject({
      by: 'error',
      cause: { message: 'TLS failed: what the server sent cannot be deciphered, so it was changed on the way' },
    });
    server.close();
  });
});

/** Uses TLS 1.2 with one cipher, and sends a record that was not made by it as soon as TLS is established. */
function spoilingServer(ciphers: string, record: Uint8Array): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      const secured = new TLSSocket(socket, { isServer: true, cert, key, maxVersion: 'TLSv1.2', ciphers });
      secured.on('error', () => socket.destroy());
      secured.once('secure', () => setTimeout(() => socket.write(record), 20));
    });
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}
