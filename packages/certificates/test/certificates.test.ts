/** The certificates, checked by Node. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAuthority, createPsk, formatPskFile, openAuthority, writeFolder } from '../src/index.ts';

const day = 86_400_000;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'certificates-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const authority = await createAuthority({ name: 'CN=Test CA,O=Example' });

describe('a server certificate', () => {
  it('is good for its hosts and no others', async () => {
    const { certificate, key } = await authority.issueServer({
      hosts: [
        'storage.example',
        '*.pool.example',
        'höst.example',
        '127.0.0.1',
        '::1',
        '2001:db8::7:0',
        '::ffff:1.2.3.4',
      ],
    });
    const x509 = new X509Certificate(certificate);
    expect(x509.subject).toBe('CN=storage.example');
    expect(x509.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
    expect(x509.checkIssued(new X509Certificate(authority.certificate))).toBe(true);
    expect(x509.checkPrivateKey(createPrivateKey(key))).toBe(true);
    for (const host of ['storage.example', 'one.pool.example', 'xn--hst-sna.example'])
      expect(x509.checkHost(host)).toBeDefined();
    for (const host of ['example', 'pool.example', 'other.example']) expect(x509.checkHost(host)).toBeUndefined();
    for (const address of ['127.0.0.1', '::1', '2001:db8::7:0', '::ffff:1.2.3.4'])
      expect(x509.checkIP(address)).toBe(address);
    for (const address of ['127.0.0.2', '::2', '1.2.3.4']) expect(x509.checkIP(address)).toBeUndefined();
  });

  it('is valid for the given time, far into the past and the future', async () => {
    const validFrom = new Date('1999-12-31T23:59:59.999Z');
    const validTo = new Date('2050-01-01T00:00:00Z');
    const { certificate } = await authority.issueServer({ hosts: ['h'], validFrom, validTo });
    const x509 = new X509Certificate(certificate);
    expect(new Date(x509.validFrom)).toEqual(new Date('1999-12-31T23:59:59Z'));
    expect(new Date(x509.validTo)).toEqual(validTo);
  });

  it('is valid from an hour ago for a year by default', async () => {
    const x509 = new X509Certificate((await authority.issueServer({ hosts: ['h'] })).certificate);
    const [from, to] = [x509.validFrom, x509.validTo].map((text) => Date.parse(text));
    expect(Math.abs(Date.now() - 3_600_000 - (from ?? 0))).toBeLessThan(600_000);
    expect((to ?? 0) - (from ?? 0)).toBe(365 * day);
  });
});

describe('a client certificate', () => {
  it.each([
    ['alice', 'CN=alice'],
    ['CN=alice,O=Example,C=GB', 'C=GB\nO=Example\nCN=alice'],
    ['cn = alice , dc=example, dc=org', 'DC=org\nDC=example\nCN=alice'],
    ['CN=a\\,b\\C3\\BC,UID=7', 'UID=7\nCN=a\\,bü'],
    ['Ünit 1', 'CN=Ünit 1'],
  ])('has the name %j', async (name, subject) => {
    const x509 = new X509Certificate((await authority.issueClient({ name })).certificate);
    expect(x509.subject).toBe(subject);
    expect(x509.issuer).toBe('O=Example\nCN=Test CA');
    // id-kp-clientAuth, and nothing else.
    expect(x509.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(x509.ca).toBe(false);
  });

  it('has a key that only the passphrase opens', async () => {
    const { key } = await authority.issueClient({ name: 'alice', passphrase: 'open sesame' });
    expect(key).toContain('ENCRYPTED');
    expect(() => createPrivateKey({ key, passphrase: 'close' })).toThrow();
    expect(createPrivateKey({ key, passphrase: 'open sesame' }).asymmetricKeyType).toBe('ec');
  });
});

describe('an authority', () => {
  it('goes on after it was read again, with its encrypted key', async () => {
    const first = await createAuthority({ passphrase: 'geheim' });
    const again = await openAuthority({ certificate: first.certificate, key: first.key }, 'geheim');
    const client = new X509Certificate((await again.issueClient({ name: 'alice' })).certificate);
    expect(client.checkIssued(new X509Certificate(first.certificate))).toBe(true);
    expect(client.verify(new X509Certificate(first.certificate).publicKey)).toBe(true);
    await expect(openAuthority(first)).rejects.toThrow(/cannot be read: it is encrypted/);
    await expect(openAuthority(first, 'falsch')).rejects.toThrow(/cannot be read: wrong passphrase/);
  });

  it('is not opened with the key of another', async () => {
    const other = await createAuthority();
    await expect(openAuthority({ certificate: authority.certificate, key: other.key })).rejects.toThrow(
      /is not that of/,
    );
    await expect(openAuthority({ certificate: 'no PEM', key: other.key })).rejects.toThrow(
      /expected PEM with a CERTIFICATE/,
    );
    await expect(openAuthority({ certificate: authority.certificate, key: 'no PEM' })).rejects.toThrow(
      /it is not a key/,
    );
  });

  it('revokes only what it has issued', async () => {
    const other = await createAuthority({ name: 'CN=Other CA,O=Example' });
    const client = await other.issueClient({ name: 'bob' });
    await expect(authority.revoke([client])).rejects.toThrow(
      'the certificate of CN=bob was issued by O=Example, CN=Other CA, not by this authority',
    );
    const junk = client.certificate.replace(/^M.{10}/m, 'AAAAAAAAAAA');
    for (const certificate of ['junk', junk]) {
      await expect(authority.revoke([{ certificate }])).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
    }
  });

  it('never uses a serial number twice, nor a negative one', async () => {
    const issued = await Promise.all(Array.from({ length: 50 }, () => authority.issueClient({ name: 'x' })));
    const numbers = issued.map(({ certificate }) => new X509Certificate(certificate).serialNumber);
    expect(new Set(numbers).size).toBe(50);
    for (const number of numbers) expect(number).toMatch(/^[4-7][0-9A-F]{31}$/);
  });
});

it.each([
  [/needs a host name/, () => authority.issueServer({ hosts: [] })],
  [/'a b' is neither the name of a host nor/, () => authority.issueServer({ hosts: ['a b'] })],
  [/'' is neither the name/, () => authority.issueServer({ hosts: ['h', ''] })],
  [/there is no 'XY' \(known: CN,/, () => authority.issueClient({ name: 'XY=1' })],
  [/'O=b\+CN=c' does not have the form/, () => authority.issueClient({ name: 'CN=a,O=b+CN=c' })],
  [/'' does not have the form/, () => authority.issueClient({ name: 'CN=a,' })],
  [/country is 'Germany', expected two letters/, () => authority.issueClient({ name: 'CN=a,C=Germany' })],
  [/value of CN is empty/, () => authority.issueClient({ name: '' })],
  [
    /from 2030-01-01T00:00:00.000Z to 2020-/,
    () => authority.issueClient({ name: 'a', validFrom: new Date('2030-01-01'), validTo: new Date('2020-01-01') }),
  ],
  [/to no date/, () => authority.issueClient({ name: 'a', validTo: new Date('never') })],
])('refuses wrong arguments: %s', async (message, call) => {
  await expect(call()).rejects.toThrow(message);
});

describe('a folder', () => {
  const modeOf = (name: string): string => (statSync(join(folder, name)).mode & 0o777).toString(8);

  it('has the customary names, and secrets that are only for the owner', async () => {
    const server = await authority.issueServer({ hosts: ['h'] });
    const client = await authority.issueClient({ name: 'alice' });
    const revocationList = await authority.revoke([]);
    const written = writeFolder(join(folder, 'a/b'), {
      authority,
      server,
      client,
      revocationList,
      psks: [createPsk('bob')],
    });
    folder = join(folder, 'a/b');
    expect(readdirSync(folder).sort()).toEqual(written.map((path) => path.slice(folder.length + 1)).sort());
    expect(Object.fromEntries(readdirSync(folder).map((name) => [name, modeOf(name)]))).toEqual({
      'ca-cert.pem': '644',
      'ca-crl.pem': '644',
      'ca-key.pem': '600',
      'client-cert.pem': '644',
      'client-key.pem': '600',
      'keys.psk': '600',
      'server-cert.pem': '644',
      'server-key.pem': '600',
    });
    expect(readFileSync(join(folder, 'keys.psk'), 'utf8')).toMatch(/^bob:[0-9a-f]{64}\n$/);
    folder = join(folder, '../..');
  });

  it('is left unchanged when one of the files exists', async () => {
    const server = await authority.issueServer({ hosts: ['h'] });
    symlinkSync('/nowhere', join(folder, 'server-key.pem'));
    expect(() => writeFolder(folder, { authority, server })).toThrow(/server-key\.pem exists already/);
    expect(readdirSync(folder)).toEqual(['server-key.pem']);
  });

  it('gets new files with `overwrite`, with their own modes, also in place of other files', async () => {
    const target = join(folder, 'elsewhere');
    writeFileSync(target, 'mine');
    symlinkSync(target, join(folder, 'ca-key.pem'));
    writeFileSync(join(folder, 'ca-cert.pem'), 'old');
    chmodSync(join(folder, 'ca-cert.pem'), 0o666);
    writeFolder(folder, { authority }, { overwrite: true });
    expect(readFileSync(target, 'utf8')).toBe('mine');
    expect([modeOf('ca-cert.pem'), modeOf('ca-key.pem')]).toEqual(['644', '600']);
    expect(readFileSync(join(folder, 'ca-key.pem'), 'utf8')).toBe(authority.key);
    expect(readdirSync(folder).sort()).toEqual(['ca-cert.pem', 'ca-key.pem', 'elsewhere']);
  });
});

describe('shared keys', () => {
  it('are written one in a line', () => {
    expect(
      formatPskFile([
        { user: 'alice', key: 'AB01' },
        { user: 'bob b', key: 'ff' },
      ]),
    ).toBe('alice:AB01\nbob b:ff\n');
    expect(createPsk('x').key).not.toBe(createPsk('x').key);
  });

  it.each([
    ['', 'ff'],
    ['a\nb', 'ff'],
    ['a', ''],
    ['a', 'fff'],
    ['a', 'xy'],
    ['a\nb', 'ff'],
  ])('are refused: user %j, key %j', (user, key) => {
    expect(() => formatPskFile([{ user, key }])).toThrow(/user|key/);
  });

  it('are refused when a user has two', () => {
    expect(() => formatPskFile([createPsk('a'), createPsk('a')])).toThrow(/'a' is given twice/);
  });
});
