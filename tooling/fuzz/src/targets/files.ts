/** Files that TLS is set up with. Their authors are trusted more than a peer; all the same the files may contain anything. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isNbdError } from '@nbdjs/interfaces';
import { createTlsClient, createTlsServer, type TlsCertificates } from '@nbdjs/transport';
import { insist, type Target } from '../target.ts';

/** A name of a file takes part in messages, and so does some of what is in it. */
const messageMax = 1000;

function pem(name: string): string {
  return readFileSync(new URL(`../../corpus/tls/${name}.pem`, import.meta.url), 'utf8');
}

/** Every error of the files is reported, in one line that a terminal can show. */
function expectToSay(setUp: () => unknown): void {
  try {
    setUp();
  } catch (error) {
    if (!isNbdError(error)) throw error;
    insist(error.message.length <= messageMax, 'a message without end');
    insist(!/\p{Cc}/u.test(error.message), 'a message with control characters');
  }
}

/** A file that is there for so long only. */
function withFile(bytes: Uint8Array, use: (file: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'nbdjs-fuzz-'));
  try {
    const file = join(folder, 'file');
    writeFileSync(file, bytes);
    use(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const encoder = new TextEncoder();

export const sharedKeys: Target = {
  name: 'shared-keys',
  corpus: () =>
    [
      'alice:0123456789abcdef\n',
      '# keys\n\nalice:00\r\nbob@example.com:FFff\n',
      `carol:${'5a'.repeat(64)}\ndave:${'a5'.repeat(32)}`,
      'a:b:c:1234\n',
    ].map((text) => encoder.encode(text)),
  run({ seed, bytes }) {
    const user = seed % 3 === 0 ? 'alice' : undefined;
    withFile(bytes, (file) => {
      expectToSay(() => createTlsClient({ psk: { file, user } }));
      expectToSay(() => createTlsServer({ psk: { file } }));
    });
  },
};

const good = { ca: pem('ca-cert'), cert: pem('cert'), key: pem('key'), crl: pem('ca-crl') };
const parts = ['ca', 'cert', 'key', 'crl'] as const;

export const certificates: Target = {
  name: 'certificates',
  corpus: () => [...Object.values(good), pem('encrypted-key'), good.cert + good.ca].map((text) => encoder.encode(text)),
  run({ seed, bytes }) {
    const text = new TextDecoder(seed % 2 === 0 ? 'utf-8' : 'latin1').decode(bytes);
    const part = parts[(seed >>> 1) % parts.length] as (typeof parts)[number];
    const passphrase = (seed >>> 3) % 2 === 0 ? 'open sesame' : undefined;
    const settings: TlsCertificates = { ...good, [part]: text, passphrase };
    expectToSay(() => createTlsClient({ certificates: settings, hostname: 'localhost' }));
    expectToSay(() => createTlsServer({ certificates: settings, verifyPeer: true }));
    if (part !== 'key') return;
    const locked = { ...good, key: pem('encrypted-key') };
    withFile(bytes, (passphraseFile) => {
      expectToSay(() => createTlsClient({ certificates: { ...locked, passphraseFile }, hostname: 'localhost' }));
    });
  },
};
