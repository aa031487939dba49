/** `nbd certs`: the files that it makes, and what it says. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { nbd, nbdWith } from './harness.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nbd-certs-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const certificate = (name: string): X509Certificate => new X509Certificate(readFileSync(join(folder, name)));

it('makes an authority with a server and a client, and prints the commands that use them', async () => {
  const { code, stdout, stderr } = await nbd('certs', '--directory', folder);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const day = new Date(certificate('server-cert.pem').validTo).toISOString().slice(0, 10);
  expect(
    stdout.replaceAll(folder, 'pki').replace(/ {2,}/g, '  '),
  ).toBe(`pki/ca-cert.pem  the authority, for both sides to trust
pki/ca-key.pem  signs further certificates; a secret
pki/server-cert.pem  for localhost, 127.0.0.1, ::1; until ${day}
pki/server-key.pem  a secret
pki/client-cert.pem  for CN=client; until ${day}
pki/client-key.pem  a secret

# serve to clients with a certificate of this authority
nbd serve --tls require --tls-certificates pki --tls-verify-peer disk.img
# look at it
nbd info --tls-certificates pki nbds://localhost
`);
  const server = certificate('server-cert.pem');
  expect([server.checkHost('localhost'), server.checkIP('::1'), server.checkIP('127.0.0.1')]).not.toContain(undefined);
  expect(server.checkIssued(certificate('ca-cert.pem'))).toBe(true);
  expect(certificate('client-cert.pem').checkIssued(certificate('ca-cert.pem'))).toBe(true);
  for (const name of readdirSync(folder))
    expect(statSync(join(folder, name)).mode & 0o077).toBe(name.includes('key') ? 0 : 0o044);
});

it('makes them for the hosts, the client and the time that are asked for', async () => {
  const argv = [
    '--host',
    '*.pool.example',
    'storage.example',
    '--host=192.0.2.7',
    '--client',
    'CN=alice,O=Example',
    '--days=7',
  ];
  const { stdout } = await nbd('certs', '-d', folder, ...argv);
  const server = certificate('server-cert.pem');
  for (const host of ['a.pool.example', 'storage.example']) expect(server.checkHost(host)).toBeDefined();
  expect([server.checkIP('192.0.2.7'), server.checkHost('localhost')]).toEqual(['192.0.2.7', undefined]);
  expect(certificate('client-cert.pem').subject).toBe('O=Example\nCN=alice');
  const days = (name: string): number => Math.round((Date.parse(certificate(name).validTo) - Date.now()) / 86_400_000);
  expect([days('server-cert.pem'), days('client-cert.pem'), days('ca-cert.pem')]).toEqual([7, 7, 3650]);
  expect(stdout).toMatch(/--tls-verify-peer --bind '\*' disk\.img\n/);
  expect(stdout).toMatch(/ nbds:\/\/storage\.example\n$/);
});

it('makes shared keys', async () => {
  const { code, stdout } = await nbd('certs', '-d', folder, '--psk', 'alice', 'bob');
  expect(code).toBe(0);
  expect(readdirSync(folder)).toEqual(['keys.psk']);
  expect(readFileSync(join(folder, 'keys.psk'), 'utf8')).toMatch(/^alice:[0-9a-f]{64}\nbob:[0-9a-f]{64}\n$/);
  expect(stdout).toContain(`nbd serve --tls require --tls-psk ${folder}/keys.psk disk.img\n`);
  expect(stdout).toContain(`nbd info --tls-psk ${folder}/keys.psk nbds://alice@localhost\n`);
  const odd = await nbd('certs', '-f', '-d', folder, '--psk', 'alice:home', '#bob');
  expect(readFileSync(join(folder, 'keys.psk'), 'utf8')).toMatch(
    /^#616c6963653a686f6d65:[0-9a-f]{64}\n#23626f62:[0-9a-f]{64}\n$/,
  );
  expect(odd.stdout).toContain('nbds://alice%3Ahome@localhost');
});

it('goes on with an authority', async () => {
  await nbd('certs', '-d', folder);
  const before = readFileSync(join(folder, 'ca-key.pem'));
  expect(await nbd('certs', '--authority', folder, '-d', join(folder, 'bob'), '--client', 'bob')).toMatchObject({
    code: 0,
  });
  expect(readdirSync(join(folder, 'bob'))).toEqual(['ca-cert.pem', 'client-cert.pem', 'client-key.pem']);
  expect(certificate('bob/client-cert.pem').checkIssued(certificate('ca-cert.pem'))).toBe(true);

  const serial = certificate('client-cert.pem').serialNumber;
  expect(await nbd('certs', '--authority', folder, '-d', folder, '--host', 'new.example', '--force')).toMatchObject({
    code: 0,
  });
  expect(certificate('server-cert.pem').checkHost('new.example')).toBeDefined();
  expect(certificate('client-cert.pem').serialNumber).toBe(serial);
  expect(readFileSync(join(folder, 'ca-key.pem'))).toEqual(before);
});

it('revokes what an authority has issued', async () => {
  const ending = new AbortController();
  await nbd('certs', folder);
  await nbd('certs', join(folder, 'bob'), '--authority', folder, '--client', 'CN=bob,O=Example');
  const bob = join(folder, 'bob', 'client-cert.pem');
  const { code, stdout } = await nbd('certs', folder, '--authority', folder, '--revoke', bob, '--days', '7');
  const day = new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10);
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `${folder}/ca-crl.pem  revokes CN=bob,O=Example, and nothing else; until ${day}\n`,
  });
  const uri = `nbds+unix:///?socket=${join(folder, 'socket')}&tls-hostname=localhost`;
  const server = nbdWith(
    { signal: ending.signal },
    ...['serve', '-k', join(folder, 'socket'), '--tls-certificates', folder, '--tls-verify-peer', 'memory:1M'],
  );
  await expect.poll(() => existsSync(join(folder, 'socket'))).toBe(true);
  expect(await nbd('info', '--size', '--tls-certificates', folder, uri)).toMatchObject({ stdout: '1048576\n' });
  const refused = await nbd('info', '--size', '--tls-certificates', join(folder, 'bob'), uri);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("refuse a client's certificate") });
  ending.abort(new Error('enough'));
  await server;
});

it('encrypts keys, and opens them again', async () => {
  const file = join(folder, 'passphrase');
  writeFileSync(file, 'open sesame\n');
  const pki = join(folder, 'pki');
  expect(await nbd('certs', pki, '--passphrase-file', file)).toMatchObject({ code: 0 });
  for (const name of ['ca-key.pem', 'server-key.pem', 'client-key.pem']) {
    const key = readFileSync(join(pki, name));
    expect(() => createPrivateKey(key)).toThrow();
    expect(createPrivateKey({ key, passphrase: 'open sesame' }).asymmetricKeyType).toBe('ec');
  }
  const more = ['certs', join(folder, 'bob'), '--authority', pki, '--client', 'bob'];
  const { stderr } = await nbd(...more);
  expect(stderr).toBe('nbd: the private key cannot be read: it is encrypted\n');
  expect(await nbd(...more, '--passphrase-file', file)).toMatchObject({ code: 0 });
});

it('replaces existing files only with --force', async () => {
  await nbd('certs', '-d', folder);
  const before = certificate('server-cert.pem').serialNumber;
  expect(await nbd('certs', '-d', folder)).toEqual({
    code: 1,
    stdout: '',
    stderr: `nbd: ${folder}/ca-cert.pem exists already\nnbd: suggestion: to replace files that are there, use --force\n`,
  });
  expect(certificate('server-cert.pem').serialNumber).toBe(before);
  expect(await nbd('certs', '-d', folder, '-f')).toMatchObject({ code: 0 });
  expect(certificate('server-cert.pem').serialNumber).not.toBe(before);
});

it.each<[RegExp, ...string[]]>([
  [/'a b' is neither the name of a host nor an IP address/, '--host', 'a b'],
  [/'XY=1' is not a distinguished name: there is no 'XY'/, '--client', 'XY=1'],
  [/--days: '0' is not a number between 1 and 36500/, '--days', '0'],
  [/is not a user name/, '--psk', 'a\nb'],
  [/the user 'a' is given twice/, '--psk', 'a', 'a'],
  [/\/none\/ca-cert\.pem: no such file or directory/, '--authority', '/none'],
  [/\/etc\/passwd\/ca-cert\.pem: not a directory/, '--directory', '/etc/passwd'],
  [/the folder is given twice/, 'other'],
  [/--revoke needs --authority/, '--revoke', '/etc/passwd'],
  [/\/dev\/null: its first line is empty, expected a passphrase/, '--passphrase-file', '/dev/null'],
])('is one line: %s', async (message, ...argv) => {
  const { code, stdout, stderr } = await nbd('certs', '--directory', join(folder, 'new'), ...argv);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(message);
  expect(stderr).toMatch(/^nbd: [^\n]+\n$/);
  expect(readdirSync(folder)).toEqual([]);
});
