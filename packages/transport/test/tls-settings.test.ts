/** The settings of TLS are checked at once, and errors name the file, the line and what is wrong. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestAuthority } from '@nbdjs/testkit';
import { afterAll, describe, expect, it } from 'vitest';
import { createTlsClient, createTlsServer } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-tls-'));
const authority = await TestAuthority.create();
const pki = await authority.issueServer(join(folder, 'pki'));
await authority.issueClient(pki);
const locked = await authority.issueServer(join(folder, 'locked'), { passphrase: 'open sesame' });
const keyFile = join(folder, 'keys.psk');
const ca = authority.pem;

afterAll(() => rmSync(folder, { recursive: true }));

/** A copy of the good folder with one file changed, or taken away. */
function spoilt(name: string, file: string, content?: string): string {
  const copy = join(folder, name);
  mkdirSync(copy, { recursive: true });
  for (const one of ['ca-cert.pem', 'server-cert.pem', 'server-key.pem', 'client-cert.pem', 'client-key.pem']) {
    if (one !== file) copyFileSync(join(pki, one), join(copy, one));
  }
  if (content !== undefined) writeFileSync(join(copy, file), content);
  return copy;
}

describe('certificates of a client', () => {
  const make = (certificates: object) => () => createTlsClient({ certificates }, 'localhost');

  it('may be its own, or none', () => {
    expect(make({ folder: pki })).not.toThrow();
    expect(make({ ca })).not.toThrow();
    expect(make({})).not.toThrow();
    expect(() => createTlsClient({}, 'localhost')).not.toThrow();
  });

  it.each([
    ['no folder', () => join(folder, 'nowhere'), /nowhere: there is no such folder of certificates/],
    ['no authority', () => spoilt('a', 'ca-cert.pem'), /\/a: there is no ca-cert\.pem in it/],
    ['no PEM', () => spoilt('b', 'ca-cert.pem', 'hello'), /\/b\/ca-cert\.pem: it holds no certificate in PEM form/],
    [
      'a broken certificate',
      () => spoilt('c', 'ca-cert.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
      /\/c\/ca-cert\.pem: certificate 1 in it cannot be decoded/,
    ],
    [
      'no key',
      () => spoilt('d', 'client-key.pem'),
      /client-cert\.pem: there is no key for it \(.*\/d\/client-key\.pem\)/,
    ],
    [
      'no certificate',
      () => spoilt('e', 'client-cert.pem'),
      /client-key\.pem: there is no certificate for it \(.*\/e\/client-cert\.pem\)/,
    ],
    [
      'the key of another certificate',
      () => spoilt('f', 'client-key.pem', readFileSync(join(pki, 'server-key.pem'), 'utf8')),
      /client-key\.pem: the key does not belong to the certificate in .*client-cert\.pem/,
    ],
    [
      'a list that is none',
      () => spoilt('g', 'ca-crl.pem', ca),
      /ca-crl\.pem: it holds no list of revoked certificates/,
    ],
  ] as const)('%s', (_, where, message) => {
    expect(make({ folder: where() })).toThrow(message);
  });

  it('need a host name, or an authority of the user', () => {
    const settings = { certificates: {} };
    expect(() => createTlsClient(settings)).toThrow(
      /cannot be checked against a host name.*hostname.*verifyPeer: false/,
    );
    expect(() => createTlsClient({ ...settings, hostname: 'localhost' })).not.toThrow();
    expect(() => createTlsClient({ ...settings, verifyPeer: false })).not.toThrow();
    // D8: an authority of the user certifies few servers, the system's authorities certify any.
    expect(() => createTlsClient({ certificates: { ca } })).not.toThrow();
  });
});

describe('certificates of a server', () => {
  const make =
    (certificates: object, more: object = {}) =>
    () =>
      createTlsServer({ certificates, ...more });

  it('open with a passphrase from a file', () => {
    const passphraseFile = join(folder, 'passphrase');
    const from = (text: string) => {
      writeFileSync(passphraseFile, text);
      return make({ folder: locked, passphraseFile });
    };
    expect(from('open sesame')).not.toThrow();
    expect(from('open sesame\r\nand more\n')).not.toThrow();
    expect(from('\nopen sesame')).toThrow(/passphrase: its first line is empty, expected a passphrase/);
    expect(from('wrong\n')).toThrow(/server-key\.pem: the passphrase does not decrypt the key/);
    expect(make({ folder: locked, passphraseFile, passphrase: 'x' })).toThrow(
      /passphrase: a passphrase is given as well/,
    );
    expect(make({ folder: locked, passphraseFile: join(folder, 'nowhere') })).toThrow(
      /nowhere: there is no such file with a passphrase/,
    );
  });

  it('open with a passphrase', () => {
    expect(make({ folder: locked, passphrase: 'open sesame' })).not.toThrow();
    expect(make({ folder: locked })).toThrow(/server-key\.pem: the key is encrypted, and no passphrase is given/);
    expect(make({ folder: locked, passphrase: 'wrong' })).toThrow(
      /server-key\.pem: the passphrase does not decrypt the key/,
    );
  });

  it('are needed', () => {
    expect(make({ ca })).toThrow('there is no certificate for the server (server-cert.pem)');
    expect(() => createTlsServer({})).toThrow('expected certificates or shared keys');
    expect(() => createTlsServer({ certificates: {}, psk: { keys: {} } })).toThrow('and not both');
    expect(() => createTlsServer({ mode: 'off' })).not.toThrow();
  });

  it('need an authority when clients are to be known', () => {
    const own = {
      cert: readFileSync(join(pki, 'server-cert.pem'), 'utf8'),
      key: readFileSync(join(pki, 'server-key.pem'), 'utf8'),
    };
    expect(make(own)).not.toThrow();
    expect(make(own, { verifyPeer: true })).toThrow('there is no authority (ca-cert.pem)');
    expect(make({ ...own, ca }, { allow: ['CN=x'] })).not.toThrow();
    expect(make({ ...own, ca }, { allow: ['CN=x'], verifyPeer: false })).toThrow('tls.allow');
  });
});

describe('shared keys', () => {
  const client = (text: string, user?: string) => () => {
    writeFileSync(keyFile, text);
    createTlsClient({ psk: { file: keyFile, user } });
  };

  it.each([
    ['alice:zz', /line 1: the key of user 'alice' is not made of hexadecimal digits/],
    ['alice:00\n\n# fine\nbob:123\n', /line 4: the key of user 'bob' has 3 digits, expected an even number/],
    ['alice', /line 1: there is no ':' in it/],
    ['alice:', /line 1: the key of user 'alice' has 0 bytes, expected 1 to 64/],
    [`alice:${'00'.repeat(65)}`, /line 1: the key of user 'alice' has 65 bytes/],
    [':00', /line 1: a user's name has 0 bytes/],
    // Found by fuzzing: names went into messages as they were.
    ['al\u001b[2Jice:zz', /line 1: a user's name has control characters in it$/],
    [`${'a'.repeat(70_000)}:zz`, /line 1: a user's name has 70000 bytes, expected 1 to 128$/],
    ['alice:00\nalice:11', /line 2: user 'alice' is given twice/],
    ['', /there is no key in it: expected lines of user:hexkey/],
    ['\n# nobody\n', /there is no key in it, and line 2 is a comment: expected .* or #hexuser:hexkey/],
    ['#616c696365:0', /line 1: the key of user 'alice' has 1 digits/],
    ['alice:00\n#616c696365:11', /line 2: user 'alice' is given twice/],
    ['#ff:00', /line 1: a user's name, in hexadecimal digits after the '#', is not UTF-8/],
    ['#6109:00', /line 1: a user's name has control characters in it/],
  ])('%j', (text, message) => {
    expect(client(text)).toThrow(message);
    expect(() => createTlsServer({ psk: { file: keyFile } })).toThrow(message);
  });

  it('are found by name, or by being the only one', () => {
    expect(client('alice:00\r\n')).not.toThrow();
    expect(client('alice:00\nbob:11', 'bob')).not.toThrow();
    expect(client('alice:00\nbob:11', 'carol')).toThrow("there is no key of user 'carol' in it");
    expect(() => createTlsClient({ psk: { file: join(folder, 'none') } })).toThrow(
      'there is no such file of shared keys',
    );
    expect(() => createTlsClient({ psk: { file: folder } })).toThrow('it is a folder, expected a file');
  });

  it("F25: take GnuTLS's names in hexadecimal digits, and leave comments out", () => {
    const text = '# comment\n#nobody:00\n#616C6963653a686F6d65:00ff\n#abc:11\n##6161:00\nbob:22\n';
    expect(client(text, 'alice:home')).not.toThrow();
    expect(client(text, 'bob')).not.toThrow();
    for (const user of ['nobody', '#nobody', '#abc', 'aa']) expect(client(text, user)).toThrow(/no key of user/);
    expect(client('#23:00')).not.toThrow();
  });

  it('exclude certificates', () => {
    const psk = { user: 'alice', key: new Uint8Array(16) };
    expect(() => createTlsClient({ psk, certificates: { ca } })).toThrow('exclude each other');
  });
});
