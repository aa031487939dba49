/**
 * `nbd serve` with TLS and our own clients: what it prints, how it reads its certificates again, and what it says.
 *
 * @module-tag slow
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { type CertificateAuthority, createAuthority, createPsk, writeFolder } from '@nbdjs/certificates';
import { connect } from '@nbdjs/client';
import { makeRawImage, sha256OfFile, Workspace } from '@nbdjs/peers/local';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { nbd, nbdCommand } from './harness.ts';
import { writeTlsFolders } from './tls-folders.ts';
import { type Serving, startServing } from './tls-serving.ts';

const mebi = 2 ** 20;

let workspace: Workspace;
let server: Serving | undefined;

afterEach(async () => {
  if (server !== undefined) expect(await server.end()).toMatchObject({ code: 0 });
  server = undefined;
});

async function serve(...words: readonly string[]): Promise<Serving> {
  server = await startServing(workspace, words);
  return server;
}

describe('nbd serve, with TLS', () => {
  beforeAll(() => {
    workspace = new Workspace('bookworm');
    writeTlsFolders(workspace);
  });
  afterAll(() => workspace.dispose());

  const at = (name: string): string => workspace.hostPath(name);

  it.each<[RegExp, ...string[]]>([
    [/^nbds:\/\/127\.0\.0\.1:\d+$/, '--port', '0', '--tls-certificates', '@good'],
    [/^nbds:\/\/127\.0\.0\.1:\d+$/, '--port', '0', '--tls', 'require', '--tls-psk', '@server.psk'],
    [/^nbds\+unix:\/\/\/\?socket=\/.*\/socket$/, '--socket', '@socket', '--tls-certificates', '@good'],
    [/^nbd:\/\/127\.0\.0\.1:\d+$/, '--port', '0', '--tls', 'allow', '--tls-certificates', '@good'],
    [/^nbd:\/\/127\.0\.0\.1:\d+$/, '--port', '0', '--tls', 'off', '--tls-certificates', '@good'],
    [/^nbd\+unix:\/\/\/\?socket=\/.*\/socket$/, '--socket', '@socket'],
  ])('prints %s', async (uri, ...words) => {
    expect((await serve(...words)).uri).toMatch(uri);
  });

  it('prints a URI that is good for a client as it is', async () => {
    const { uri } = await serve('--port', '0', '--tls-certificates', '@good');
    const { code, stdout, stderr } = await nbd('info', '--no-content', `${uri}/?tls-certificates=${at('good')}`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^protocol: newstyle-fixed with TLS, using extended packets\n/);
    expect(JSON.parse((await nbd('info', '--json', '--tls-certificates', at('good'), uri)).stdout)).toMatchObject({
      TLS: true,
    });
    expect((await nbd('info', '--is', 'tls', '--tls-certificates', at('good'), uri)).code).toBe(0);
  });

  it.each([
    ['anonymous', /TLS failed: the server requires a certificate of the client/],
    ['impostor', /TLS failed: the server .*certificate/],
    ['expired', /TLS failed: the server .*certificate/],
    ['elsewhere', /'CN=mallory,O=Example' is not served here/],
    [
      'stranger',
      /not signed by an authority that is trusted here: its authority is 'CN=Good CA,O=Example'\nnbd: suggestion: .*--tls-certificates/,
    ],
    ['revoking', /the server's certificate is revoked/],
  ])('refuses %s with the reason', async (folder, message) => {
    const { uri } = await serve('--port', '0', '--tls-certificates', '@good', '--tls-authz', 'CN=alice,O=Example');
    const { code, stdout, stderr } = await nbd('info', '--tls-certificates', at(folder), uri);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^nbd: [^\n]+\n(nbd: suggestion: [^\n]+\n)?$/);
  });

  it.each([
    ['wrong.psk', 'alice', /another key/],
    ['carol.psk', 'carol', /no such user/],
  ])('refuses %s, and the client prints the reason', async (file, user, message) => {
    const { uri } = await serve('--port', '0', '--tls-psk', '@server.psk');
    const { code, stderr } = await nbd('info', '--tls-psk', at(file), uri.replace('//', `//${user}@`));
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(message) });
  });

  it('copies from TLS to TLS, each side with certificates of its own, and to clear text', async () => {
    const image = at('image');
    makeRawImage(image, mebi, [{ offset: 0, length: mebi }]);
    const { uri } = await serve('--port', '0', '--tls-certificates', '@good', '--tls-verify-peer');
    const other = await startServing(workspace, ['--port', '0', '--tls-psk', '@server.psk']);
    const plain = await startServing(workspace, ['--socket', '@plain']);
    const mine = `${uri}/?tls-certificates=${at('good')}`;
    const theirs = `${other.uri.replace('//', '//bob@')}/?tls-psk-file=${at('server.psk')}`;
    for (const argv of [
      [image, mine],
      [mine, theirs],
      // About the one that demands TLS; the other has none.
      ['--tls-psk', at('server.psk'), theirs.replace(/\?.*/, ''), plain.uri],
      [plain.uri, at('copy')],
    ]) {
      expect(await nbd('copy', ...argv)).toMatchObject({ code: 0, stderr: '' });
    }
    expect(await sha256OfFile(at('copy'))).toBe(await sha256OfFile(image));
    for (const one of [other, plain]) expect(await one.end()).toMatchObject({ code: 0 });
  });

  it('serves a server with TLS again, to clients with another', async () => {
    const inner = await startServing(workspace, ['--port', '0', '--tls-certificates', '@good', '--tls-verify-peer']);
    const source = `far=${inner.uri}/?tls-certificates=${at('good')}`;
    server = await startServing(workspace, ['--port', '0', '--tls-psk', '@server.psk'], source);
    const { uri } = server;
    const far = `${uri.replace('//', '//alice@').replace(/\/[^/]*$/, '')}/far?tls-psk-file=${at('alice.psk')}`;
    expect((await nbd('info', '--size', far)).stdout).toBe(`${mebi}\n`);
    expect(await server.end()).toMatchObject({ code: 0 });
    server = undefined;
    expect(await inner.end()).toMatchObject({ code: 0 });
  });

  it('does TLS with a command, which has no name', async () => {
    const command = ['[', ...nbdCommand('serve', '--tls-certificates', at('good'), 'memory:1M'), ']'];
    const good = ['--tls-certificates', at('good')];
    const { code, stdout, stderr } = await nbd(
      'info',
      '--no-content',
      ...good,
      '--tls-hostname',
      'storage.example',
      ...command,
    );
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: expect.stringContaining(' with TLS'), stderr: '' });
    // Nor is one needed, with an authority of one's own.
    expect(await nbd('info', '--no-content', ...good, ...command)).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('encrypted keys', () => {
  const passphrase = 'open sesame';

  beforeAll(() => {
    workspace = new Workspace('bookworm');
  });
  afterAll(() => workspace.dispose());

  it('are opened by the first line of a file, on both sides, and again by SIGHUP', async () => {
    const authority = await createAuthority();
    const folder = workspace.hostPath('pki');
    writeFolder(folder, {
      authority: { certificate: authority.certificate },
      server: await authority.issueServer({ hosts: ['localhost'], passphrase }),
      client: await authority.issueClient({ name: 'alice', passphrase }),
    });
    const [right, wrong] = [workspace.hostPath('right'), workspace.hostPath('wrong')];
    writeFileSync(right, `${passphrase}\n`);
    writeFileSync(wrong, 'sesame\n');
    const words = ['--tls-certificates', folder, '--tls-passphrase-file', right];
    const { uri } = await serve('--port', '0', '--tls-verify-peer', ...words);
    const look = (...others: readonly string[]) =>
      nbd('info', '--no-content', ...others, uri.replace('127.0.0.1', 'localhost'));
    expect(await look(...words)).toMatchObject({ code: 0, stderr: '' });
    expect(await look(...words.slice(0, 2))).toMatchObject({
      code: 1,
      stderr: `nbd: TLS: ${folder}/client-key.pem: the key is encrypted, and no passphrase is given\n`,
    });
    expect(await look(...words.slice(0, 3), wrong)).toMatchObject({
      code: 1,
      stderr: `nbd: TLS: ${folder}/client-key.pem: the passphrase does not decrypt the key\n`,
    });
    expect(await look('--tls-passphrase-file', right)).toMatchObject({
      code: 1,
      stderr: 'nbd: --tls-passphrase-file needs --tls-certificates, the folder with the key that it opens\n',
    });
    server?.hangUp();
    expect(server?.notes).toMatch(/^nbd: SIGHUP: certificates and keys were read again/);
  });
});

describe('SIGHUP', () => {
  let authority: CertificateAuthority;
  beforeAll(async () => {
    authority = await createAuthority();
  });
  beforeEach(() => {
    workspace = new Workspace('bookworm');
  });
  afterEach(() => workspace.dispose());

  /** Puts a new certificate for a host into the folder, and what clients need. */
  async function certify(host: string): Promise<string> {
    const folder = workspace.hostPath('pki');
    const issued = {
      authority: { certificate: authority.certificate },
      server: await authority.issueServer({ hosts: [host] }),
    };
    writeFolder(folder, issued, { overwrite: true });
    return folder;
  }

  const open = (uri: string, folder: string, hostname: string) =>
    connect(uri, { delivery: 'inline', tls: { certificates: { folder }, hostname } });

  it('reads certificates again, and disconnects no client', async () => {
    const folder = await certify('one.example');
    const { uri } = await serve('--port', '0', '--no-tls-verify-peer', '--tls-certificates', folder);
    await using early = await open(uri, folder, 'one.example');
    await early.write(0, Uint8Array.of(1, 2, 3));
    await certify('two.example');
    server?.hangUp();
    expect(server?.notes).toMatch(/^nbd: SIGHUP: certificates and keys were read again[^\n]*\n$/);
    expect(await early.readBytes(0, 3)).toEqual(Uint8Array.of(1, 2, 3));
    await using late = await open(uri, folder, 'two.example');
    expect(await late.readBytes(0, 3)).toEqual(Uint8Array.of(1, 2, 3));
    await expect(open(uri, folder, 'one.example')).rejects.toThrow(/certificate is for "two\.example"/);
  });

  it('keeps the old ones when something is wrong with the new', async () => {
    const folder = await certify('one.example');
    const { uri } = await serve('--port', '0', '--no-tls-verify-peer', '--tls-certificates', folder);
    const stranger = await authority.issueServer({ hosts: ['one.example'] });
    writeFileSync(workspace.hostPath('pki/server-key.pem'), stranger.key);
    server?.hangUp();
    expect(server?.notes).toMatch(
      /^nbd: SIGHUP: .*server-key\.pem: the key does not belong to the certificate .*; .* are unchanged\n$/,
    );
    await using client = await open(uri, folder, 'one.example');
    expect(client.facts.tls).toBe(true);
  });

  it('has shared keys read again', async () => {
    const file = workspace.hostPath('pki/keys.psk');
    writeFolder(workspace.hostPath('pki'), { psks: [createPsk('alice')] });
    const { uri } = await serve('--port', '0', '--tls-psk', file);
    const psks = [createPsk('bob')];
    writeFolder(workspace.hostPath('pki'), { psks }, { overwrite: true });
    const look = () => nbd('info', '--no-content', '--tls-psk', file, uri);
    expect(await look()).toMatchObject({ code: 1 });
    server?.hangUp();
    expect(await look()).toMatchObject({ code: 0 });
  });

  it.each([
    ['goes on with TLS, and ends by SIGTERM', true],
    ['ends without', false],
  ])('as a signal: %s', async (_, isTls) => {
    const folder = await certify('localhost');
    const tls = isTls ? ['--no-tls-verify-peer', '--tls-certificates', folder] : [];
    const [program, ...args] = nbdCommand('serve', '--port', '0', '--print-uri', ...tls, 'memory:1M');
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const exited = once(child, 'exit');
    const [uri] = (await once(child.stdout, 'data')) as [Buffer];
    expect(uri.toString()).toMatch(isTls ? /^nbds:/ : /^nbd:/);
    child.kill('SIGHUP');
    if (isTls) {
      const [note] = (await once(child.stderr, 'data')) as [Buffer];
      expect(note.toString()).toMatch(/^nbd: SIGHUP: certificates and keys were read again/);
      expect(child.exitCode).toBeNull();
      child.kill('SIGTERM');
    }
    expect(await exited).toEqual([0, null]);
  });

  it.runIf(existsSync('/usr/bin/script'))('of a terminal that is gone is the end, TLS or not', async () => {
    const folder = await certify('localhost');
    const pidFile = workspace.hostPath('pid');
    const words = nbdCommand('serve', '--port', '0', '--pid-file', pidFile, '--tls-certificates', folder, 'memory:1M');
    const child = spawn('/usr/bin/script', ['-qec', words.map((word) => `'${word}'`).join(' '), '/dev/null'], {
      stdio: 'ignore',
    });
    const exited = once(child, 'exit');
    await expect.poll(() => existsSync(pidFile)).toBe(true);
    child.kill('SIGKILL');
    await exited;
    await expect.poll(() => existsSync(pidFile)).toBe(false);
  });
});
