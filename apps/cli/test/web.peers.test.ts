/** `nbd` by WebSocket and HTTP Upgrade, with the clients of others behind its relay. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BlockDevice, ByteChannel } from '@nbdjs/interfaces';
import { describePeers, makeRawImage, runPeer, sha256OfFile } from '@nbdjs/peers';
import { createServer } from '@nbdjs/server';
import { openFileDevice } from '@nbdjs/storage';
import { listenWeb, openWeb } from '@nbdjs/websocket/node';
import { expect, it } from 'vitest';
import { nbd, nbdWith, type Outcome } from './harness.ts';
import { inWorkspace, workspace } from './workspace.ts';

const mebi = 2 ** 20;

describePeers('nbd by WebSocket and HTTP Upgrade', ['qemu-img', 'nbdinfo', 'nbdcopy'], (generation) => {
  const ends: (() => Promise<Outcome>)[] = [];

  inWorkspace(generation, async () => {
    for (const end of ends.splice(0)) expect(await end()).toMatchObject({ code: 0 });
  });

  /** Runs a command until the test is over. Resolves when it has printed a line that fits; gives what the pattern has found. */
  async function start(pattern: RegExp, ...argv: readonly string[]): Promise<string> {
    const abort = new AbortController();
    let printed = '';
    const running = nbdWith({ signal: abort.signal, hearErrors: (text) => (printed += text) }, ...argv);
    ends.push(() => {
      abort.abort(new Error('the test is over'));
      return running;
    });
    await expect.poll(() => printed, { timeout: 10_000 }).toMatch(pattern);
    return pattern.exec(printed)?.[1] ?? '';
  }

  const file = (name: string): string => workspace.hostPath(name);

  it('serves, describes and copies', async () => {
    makeRawImage(file('disk.img'), 40 * mebi, [{ offset: 3 * mebi, length: 20 * mebi + 77 }]);
    writeFileSync(file('tokens'), 'first\nsecond\n');
    writeFileSync(file('token'), 'second\n');
    const ws = await start(
      /serving (ws:\S+)/,
      'serve',
      '--web',
      '0',
      '--web-token-file',
      file('tokens'),
      file('disk.img'),
    );
    const token = ['--token-file', file('token')];
    for (const url of [ws, ws.replace('ws:', 'http:')]) {
      const info = await nbd('info', '--json', ...token, url);
      expect(info).toMatchObject({ code: 0 });
      expect(JSON.parse(info.stdout).exports[0]).toMatchObject({ 'export-size': 40 * mebi, uri: url });
      expect(await nbd('copy', ...token, url, file('copy.img'))).toMatchObject({ code: 0 });
      expect(await sha256OfFile(file('copy.img'))).toBe(await sha256OfFile(file('disk.img')));
      const refused = await nbd('info', url);
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('HTTP 401 Unauthorized') });
    }
    expect((await nbd('dump', '--length', '16', ...token, ws)).stdout).toContain('0000000000');
  });

  it('chooses an export by the part of the URL behind #', async () => {
    const ws = await start(/the first at (ws:\S+)#/, 'serve', '--web', '127.0.0.1:0', 'a b=memory:1M', 'c=memory:2M');
    expect((await nbd('info', '--size', `${ws}#a%20b`)).stdout).toBe(`${mebi}\n`);
    expect((await nbd('info', '--size', `${ws}#c`)).stdout).toBe(`${2 * mebi}\n`);
    expect((await nbd('info', '--list', '--json', ws)).stdout).toContain(`${ws}#a%20b`);
    expect(await nbd('info', `${ws}#d`)).toMatchObject({ code: 1 });
  });

  it.each([
    [['serve', '--web', '1', '--socket', 's', 'memory:1'], /--web and --socket, --bind or --port exclude each other/],
    [['serve', '--web', 'x', 'memory:1'], /--web: 'x' is not a port/],
    [['relay', 'x'], /the place for pages: 'x' is not a port/],
    [['relay', '1', '--socket', 's', '--port', '2'], /--socket and --bind or --port exclude each other/],
    [['relay', '1', '--web-path', 'a'], /--web-path has to begin with \//],
    [['serve', '--web-path', '/a', 'memory:1'], /--web-path needs --web/],
    [['serve', '--web', '1', '--connect-to', 'ws://a', 'memory:1'], /--web and --connect-to exclude each other/],
    [['info', '--tls', 'require', 'ws://127.0.0.1:1/'], /TLS needs the scheme wss/],
    [['info', '--header', 'secret', 'ws://127.0.0.1:1/'], /--header: expected NAME:VALUE/],
  ])('refuses %j', async (argv, message) => {
    const { code, stderr } = await nbd(...argv);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(message);
  });

  it('uses the certificates of NBD for wss and https', async () => {
    expect(await nbd('certs', file('pki'))).toMatchObject({ code: 0 });
    const pki = ['--tls-certificates', file('pki')];
    const wss = await start(/serving (wss:\S+)/, 'serve', '--web', '0', ...pki, 'memory:1M');
    for (const url of [wss, wss.replace('wss:', 'https:')]) {
      expect(await nbd('info', '--size', ...pki, url)).toMatchObject({ code: 0, stdout: `${mebi}\n` });
      const stranger = await nbd('info', '--size', url);
      expect(stranger).toMatchObject({ code: 1, stderr: expect.stringMatching(/TLS failed: .*certificate/) });
      const nameless = await nbd('info', '--size', '--tls', 'require', '--no-tls-verify-peer', url);
      expect(nameless.code).toBe(1);
    }
  });

  it('refuses a client whose certificate is revoked by the second of two lists', async () => {
    const certs = async (...argv: string[]): Promise<void> =>
      expect(await nbd('certs', ...argv)).toMatchObject({ code: 0 });
    for (const name of ['pki', 'other']) {
      await certs(file(name));
      await certs(file(name), '--authority', file(name), '--revoke', join(file(name), 'client-cert.pem'));
    }
    const served = file('served');
    cpSync(file('pki'), served, { recursive: true });
    // Both authorities are trusted, and each has revoked one client.
    for (const name of ['ca-cert.pem', 'ca-crl.pem']) {
      writeFileSync(
        join(served, name),
        ['other', 'pki'].map((pki) => readFileSync(join(file(pki), name), 'utf8')).join(''),
      );
    }
    const wss = await start(/serving (wss:\S+)/, 'serve', '--web', '0', '--tls-certificates', served, 'memory:1M');
    rmSync(join(file('pki'), 'ca-crl.pem'));
    const refused = await nbd('info', '--size', '--tls-certificates', file('pki'), wss);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    await certs(file('good'), '--authority', file('pki'));
    writeFileSync(join(file('good'), 'ca-cert.pem'), readFileSync(join(file('pki'), 'ca-cert.pem')));
    expect(await nbd('info', '--size', '--tls-certificates', file('good'), wss)).toMatchObject({ stdout: `${mebi}\n` });
  });

  /** Offers a file as a page would; gives a function that ends it. */
  async function offer(url: string, device: BlockDevice, name = ''): Promise<ByteChannel> {
    const server = createServer({ exports: { [name]: device }, limits: { closeMs: 100 } });
    const channel = await openWeb(url);
    void server.accept(channel);
    return channel;
  }

  it('relays a file that a page offers to clients of others, also when the page is away in between', async () => {
    makeRawImage(file('disk.img'), 24 * mebi, [{ offset: mebi, length: 9 * mebi + 5 }]);
    const url = await start(/pages connect to (ws:\S+)/, 'relay', '0', '--socket', workspace.socketPath('relay'));
    const device = await openFileDevice(file('disk.img'));
    const uri = `nbd+unix:///?socket=${workspace.peerPath('relay')}`;
    // A client that comes first waits for the page.
    const waiting = runPeer('nbdinfo', generation, ['--size', uri]);
    const page = await offer(url, device);
    expect((await waiting).stdout.toString()).toBe(`${24 * mebi}\n`);
    const copying = runPeer('qemu-img', generation, [
      'convert',
      '-f',
      'raw',
      '-O',
      'raw',
      uri,
      workspace.peerPath('a.img'),
    ]);
    const other = runPeer('nbdcopy', generation, [uri, workspace.peerPath('b.img')]);
    await new Promise((resolve) => setTimeout(resolve, 30));
    page.destroy(new Error('the page is left'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const again = await offer(url, device);
    expect(await copying).toMatchObject({ code: 0 });
    expect(await other).toMatchObject({ code: 0 });
    const whole = await sha256OfFile(file('disk.img'));
    expect([await sha256OfFile(file('a.img')), await sha256OfFile(file('b.img'))]).toEqual([whole, whole]);
    again.destroy();
    await device.close();
  });

  it('gives errors to clients of a relay when no page comes in time', async () => {
    await start(/pages connect to (ws:\S+)/, 'relay', '0', '--wait', '1', '--socket', workspace.socketPath('relay'));
    const uri = `nbd+unix:///?socket=${workspace.peerPath('relay')}`;
    const { code } = await runPeer('nbdinfo', generation, ['--size', uri]);
    expect(code).toBe(1);
    const ours = await nbd('info', `nbd+unix:///?socket=${workspace.socketPath('relay')}`);
    expect(ours).toMatchObject({ code: 1, stderr: expect.stringContaining('no page has come for 1 s') });
  });

  it('connects to a BMC, serves it, and ends when the medium is ejected', async () => {
    writeFileSync(join(file('image')), 'an image'.padEnd(4096, '.'));
    const channels: ByteChannel[] = [];
    const bmc = await listenWeb({ type: 'tcp', host: '127.0.0.1', port: 0 }, (channel) => channels.push(channel), {
      path: '/vm/0/0',
      tokens: ['secret'],
    });
    writeFileSync(file('token'), 'secret');
    const running = nbd('serve', '--read-only', '--connect-to', bmc.url, '--token-file', file('token'), file('image'));
    await expect.poll(() => channels.length).toBe(1);
    const { connect } = await import('@nbdjs/client');
    const disk = await connect({ name: 'the server', open: () => channels[0] as ByteChannel });
    expect(Buffer.from(await disk.readBytes(0, 8)).toString()).toBe('an image');
    expect(disk.abilities.readOnly).toBe(true);
    await disk.close();
    expect(await running).toMatchObject({ code: 0 });
    await bmc.close();
    expect(readFileSync(file('image'), 'utf8')).toHaveLength(4096);
  });
});
