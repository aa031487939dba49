/** What URIs and options together say about TLS. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describePeers, startNbdkit, Workspace } from '@nbdjs/peers';
import { TestAuthority } from '@nbdjs/testkit';
import { afterAll, describe, expect, it } from 'vitest';
import { type ConnectOptions, connect, resolveTarget, resolveTls } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-client-'));
afterAll(() => rmSync(folder, { recursive: true }));

const resolve = (uri: string, wishes: ConnectOptions = {}) => resolveTls(resolveTarget(uri), wishes);
const key = new Uint8Array(16);

describe('whether', () => {
  it.each([
    ['nbd://host', {}, 'off'],
    ['nbd://alice@host', {}, 'off'],
    ['nbds://host', {}, 'require'],
    ['nbds://host', { tls: { mode: 'off' } }, 'require'],
    ['nbds://host', { tls: { mode: 'allow' } }, 'require'],
    ['nbd://host', { tls: { hostname: 'other' } }, 'require'],
    ['nbd://host', { tls: { mode: 'allow' } }, 'allow'],
    ['nbd://host', { tls: {} }, 'off'],
    ['nbd://host?tls-hostname=other', {}, 'allow'],
    ['nbd://host?tls-hostname=other', { tls: { mode: 'off' } }, 'off'],
  ] as const)('%s with %j: %s', (uri, wishes, mode) => {
    expect(resolve(uri, wishes).mode).toBe(mode);
  });
});

describe('how', () => {
  const allowLocalFiles = true;

  it('U5: by the parameters of the URI', () => {
    const uri = 'nbds://host?tls-certificates=%2Fpki&tls-hostname=other&tls-verify-peer=0';
    expect(resolve(uri, { allowLocalFiles }).settings).toEqual({
      certificates: { folder: '/pki' },
      hostname: 'other',
      verifyPeer: false,
    });
    expect(resolve('nbds://alice@host?tls-psk-file=/keys', { allowLocalFiles }).settings).toMatchObject({
      psk: { file: '/keys', user: 'alice' },
    });
  });

  it('by options before the URI', () => {
    const uri = 'nbds://alice@host?tls-psk-file=/keys&tls-hostname=other';
    const wishes = { allowLocalFiles, tls: { hostname: 'third' } };
    expect(resolve(uri, wishes).settings).toMatchObject({ psk: { file: '/keys' }, hostname: 'third' });
    const psk = { user: 'bob', key };
    expect(resolve(uri, { allowLocalFiles, tls: { psk } }).settings).toMatchObject({ psk });
    const file = { file: '/other' };
    expect(resolve(uri, { allowLocalFiles, tls: { psk: file } }).settings).toMatchObject({
      psk: { file: '/other', user: 'alice' },
    });
    const certificates = { folder: '/pki' };
    const { settings } = resolve(uri, { allowLocalFiles, tls: { certificates } });
    expect(settings).toMatchObject({ certificates });
    expect(settings).not.toHaveProperty('psk');
  });

  it.each([
    ['nbds://host?tls-certificates=/pki', {}, 'ERR_NBD_URI', 'tls-certificates names files of this machine'],
    ['nbds://host?tls-psk-file=/keys', {}, 'ERR_NBD_URI', 'tls-psk-file names files of this machine'],
    ['nbd://host?tls-psk-file=/keys', {}, 'ERR_NBD_URI', 'tls-psk-file names files of this machine'],
    ['nbds://host?tls-type=anon', {}, 'ERR_NBD_NOT_SUPPORTED', 'tls-type=anon'],
    ['nbds://host?tls-priority=NORMAL', {}, 'ERR_NBD_NOT_SUPPORTED', 'tls-priority'],
    ['nbds://host?tls-type=psk', {}, 'ERR_NBD_ARGUMENT', 'needs a shared key'],
  ])('%s is an error', (uri, wishes, code, message) => {
    expect(() => resolve(uri, wishes)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });

  it('is checked before a connection is made', async () => {
    writeFileSync(join(folder, 'keys.psk'), 'alice:123\n');
    const uri = `nbds://alice@nowhere.invalid?tls-psk-file=${join(folder, 'keys.psk')}`;
    await expect(connect(uri, { allowLocalFiles })).rejects.toThrow(/line 1: the key of user 'alice' has 3 digits/);
    await expect(connect('nbds+unix:///?socket=/nowhere')).rejects.toThrow(/cannot be checked against a host name/);
  });
});

describePeers('URIs with TLS', ['nbdkit'], (generation) => {
  it.each(['kept', 'inline'] as const)('open exports of real servers: %s', async (delivery) => {
    using workspace = new Workspace(generation);
    const authority = await TestAuthority.create();
    await authority.issueServer(workspace.hostPath('pki'), { hosts: ['disk.example'] });
    await authority.issueClient(workspace.hostPath('client'));
    writeFileSync(workspace.hostPath('keys.psk'), `alice:${'ab'.repeat(32)}\n`);
    const pki = `--tls-certificates=${workspace.peerPath('pki')}`;
    await using certificates = await startNbdkit(workspace, [
      '--tls=require',
      pki,
      '--tls-verify-peer',
      'pattern',
      '1M',
    ]);
    const keys = `--tls-psk=${workspace.peerPath('keys.psk')}`;
    await using shared = await startNbdkit(workspace, ['--tls=require', keys, 'pattern', '1M']);
    for (const uri of [
      `nbds+unix:///?socket=${certificates.socketPath}&tls-hostname=disk.example&tls-certificates=${workspace.hostPath('client')}`,
      `nbds+unix://alice@/?socket=${shared.socketPath}&tls-psk-file=${workspace.hostPath('keys.psk')}`,
    ]) {
      await using client = await connect(uri, { allowLocalFiles: true, delivery });
      expect(client.facts.tls).toBe(true);
      const bytes = await client.readBytes(4096, 65_536);
      const view = new DataView(bytes.buffer);
      for (let offset = 0; offset < bytes.length; offset += 8) {
        if (view.getBigUint64(offset) !== BigInt(4096 + offset)) throw new Error(`wrong bytes at ${offset}`);
      }
    }
  });
});
