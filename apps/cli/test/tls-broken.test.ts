/** F24: an error in an established TLS connection ends it at once, on both sides; a client with retries goes on. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, createPsk, writeFolder } from '@nbdjs/certificates';
import { makeRawImage } from '@nbdjs/peers/local';
import { parseUri } from '@nbdjs/protocol';
import { type ChaosPlan, ChaosProxy, type SocketAddress } from '@nbdjs/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nbd, nbdWith, type Outcome } from './harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-broken-'));
const pki = join(folder, 'pki');
const keys = join(pki, 'keys.psk');
const authority = await createAuthority();
writeFolder(pki, {
  authority: { certificate: authority.certificate },
  server: await authority.issueServer({ hosts: ['127.0.0.1'] }),
  client: await authority.issueClient({ name: 'alice' }),
  psks: [createPsk('alice')],
});

const [image, served] = [join(folder, 'image'), join(folder, 'served')];
for (const file of [image, served]) makeRawImage(file, 2 ** 20, [{ offset: 0, length: 2 ** 20 }]);

afterAll(() => rmSync(folder, { recursive: true }));

describe.each([
  { kind: 'certificates', words: ['--tls-certificates', pki] },
  { kind: 'a shared key', words: ['--tls-psk', keys] },
])('with $kind', ({ words }) => {
  const end = new AbortController();
  let running: Promise<Outcome>;
  let target: SocketAddress;
  let notes = '';

  beforeAll(async () => {
    const uri = await new Promise<string>((hear) => {
      const hearErrors = (text: string): void => {
        notes += text;
      };
      running = nbdWith({ signal: end.signal, hear, hearErrors }, 'serve', '-p', '0', '--print-uri', ...words, served);
    });
    const { address } = parseUri(uri.trim());
    if (address.transport === 'tcp') target = { type: 'tcp', host: address.host, port: address.port };
  });

  afterAll(async () => {
    end.abort(new Error('the tests are over'));
    expect(await running).toMatchObject({ code: 0 });
  });

  async function throughProxy(plan: ChaosPlan, ...argv: readonly string[]): Promise<Outcome> {
    notes = '';
    await using proxy = await ChaosProxy.start({
      listen: { type: 'tcp', host: '127.0.0.1', port: 0 },
      target,
      plan: (index) => (index === 0 ? plan : {}),
    });
    const { address } = proxy;
    const uri = `nbds://127.0.0.1:${address.type === 'tcp' ? address.port : 0}`;
    return await nbd('copy', '-C', '1', ...words, ...argv.map((word) => (word === 'URI' ? uri : word)));
  }

  // Behind the last request, so that nothing more is written that could fail.
  const spoilsReplies = { down: { corruptAt: 1_040_000 } };
  const spoilsRequests = { up: { corruptAt: 900_000 } };

  it('F24: a reply that cannot be deciphered ends the client, with words', async () => {
    const { code, stderr } = await throughProxy(spoilsReplies, 'URI', 'null:');
    expect(code).toBe(1);
    expect(stderr).toMatch(/TLS failed: what the server sent cannot be deciphered, so it was changed on the way/);
  });

  it('F24: the server closes when a request cannot be deciphered, and says so', async () => {
    const { code, stderr } = await throughProxy(spoilsRequests, image, 'URI');
    expect(code).toBe(1);
    expect(stderr).toMatch(/the connection was lost/);
    await expect.poll(() => notes).toMatch(/client \S+: TLS failed: what the client sent cannot be deciphered/);
  });

  it('F24: a client with retries goes on', async () => {
    const retries = ['--retries', '3'];
    expect(await throughProxy(spoilsReplies, ...retries, 'URI', 'null:')).toMatchObject({ code: 0 });
    expect(await throughProxy(spoilsRequests, ...retries, '--flush', image, 'URI')).toMatchObject({ code: 0 });
  });
});
