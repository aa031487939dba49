/** The TLS matrix, our clients against the servers of others: allowed or refused exactly as they should be, and saying why. */
import { readFileSync } from 'node:fs';
import { describePeers, makeRawImage, type PeerServer, sha256OfFile, Workspace } from '@nbdjs/peers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nbd } from './harness.ts';
import { writeTlsFolders } from './tls-folders.ts';
import { diskBytes, exportOf, type ServerKind, serverKinds, startTlsServer, type TlsPlan } from './tls-servers.ts';

interface Case {
  readonly title: string;
  readonly plan: TlsPlan;
  /** The arguments of our command besides the URI; `@` is the prefix of files and folders of the workspace. */
  readonly words: readonly string[];
  /** Of a shared key. */
  readonly user?: string | undefined;
  /** Whether the URI demands TLS. @default true */
  readonly isDemanded?: boolean | undefined;
  /** Whether TLS is used in the end. @default true */
  readonly isUsed?: boolean | undefined;
  /** What the error says; nothing where all is well. */
  readonly refused?: RegExp | undefined;
  /** The servers that can do that. @default all */
  readonly only?: readonly ServerKind[] | undefined;
}

const good = ['--tls-certificates', '@good'];
const withCrl: readonly ServerKind[] = ['qemu-nbd', 'nbdkit'];
const withKeys = withCrl;
const withPriority: readonly ServerKind[] = ['qemu-nbd', 'nbd-server'];
/** In TLS 1.3 a server checks the client's certificate after the client's handshake, and these servers send no reason. */
const certificateRefused =
  /the server hung up directly after the TLS handshake, as servers do that refuse a client's certificate/;
const keyRefused =
  /the server hung up during the TLS handshake, which may mean that it has no such user, or another key/;
const demanding: TlsPlan = { folder: 'good', verifyPeer: true };

const certificates: readonly Case[] = [
  { title: 'certificates that fit', plan: { folder: 'good' }, words: good },
  {
    title: 'none of our own, where none is demanded',
    plan: { folder: 'good' },
    words: ['--tls-certificates', '@anonymous'],
    only: withCrl,
  },
  { title: 'one of our own, where one is demanded', plan: demanding, words: good },
  { title: 'a list in which the server is not', plan: { folder: 'good' }, words: ['--tls-certificates', '@listed'] },
  {
    title: 'another name of the server',
    plan: { folder: 'good' },
    words: [...good, '--tls-hostname', 'storage.example'],
  },
  {
    title: 'a server at another host',
    plan: { folder: 'elsewhere' },
    words: good,
    refused: /certificate is for "elsewhere\.example", not for "localhost"/,
  },
  {
    title: 'a name that the server has not',
    plan: { folder: 'good' },
    words: [...good, '--tls-hostname', 'other.example'],
    refused: /certificate is for "localhost", .*"storage\.example".*, not for "other\.example"/,
  },
  {
    title: 'a server at another host, which is expected',
    plan: { folder: 'elsewhere' },
    words: [...good, '--tls-hostname', 'elsewhere.example'],
  },
  {
    title: 'a server at another host, unchecked',
    plan: { folder: 'elsewhere' },
    words: [...good, '--no-tls-verify-peer'],
  },
  {
    title: 'a server of another authority',
    plan: { folder: 'impostor' },
    words: good,
    refused: /the server's certificate is not signed by an authority that is trusted here/,
  },
  {
    title: 'a client that trusts another authority',
    plan: { folder: 'good' },
    words: ['--tls-certificates', '@stranger'],
    refused: /the server's certificate is not signed by an authority that is trusted here/,
  },
  {
    title: 'a server that has expired',
    plan: { folder: 'expired' },
    words: good,
    refused: /the server's certificate has expired/,
  },
  {
    title: 'a server that is revoked',
    plan: { folder: 'good' },
    words: ['--tls-certificates', '@revoking'],
    refused: /the server's certificate is revoked/,
  },
  {
    title: 'none of our own, where one is demanded',
    plan: demanding,
    words: ['--tls-certificates', '@anonymous'],
    refused: certificateRefused,
  },
  {
    title: 'one of our own, of another authority',
    plan: demanding,
    words: ['--tls-certificates', '@impostor'],
    refused: certificateRefused,
  },
  {
    title: 'one of our own that has expired',
    plan: demanding,
    words: ['--tls-certificates', '@expired'],
    refused: certificateRefused,
  },
  {
    title: 'one of our own that is revoked',
    plan: { folder: 'revoking', verifyPeer: true },
    words: good,
    refused: certificateRefused,
    only: withCrl,
  },
  {
    title: 'the name that is served',
    plan: { ...demanding, authz: 'O=Example,CN=alice' },
    words: good,
    only: ['qemu-nbd'],
  },
  {
    title: 'a name that is not served',
    plan: { ...demanding, authz: 'O=Example,CN=alice' },
    words: ['--tls-certificates', '@elsewhere'],
    refused: certificateRefused,
    only: ['qemu-nbd'],
  },
  {
    title: 'a server that speaks TLS 1.1 at most',
    plan: { folder: 'good', priority: 'NORMAL:-VERS-ALL:+VERS-TLS1.1' },
    words: good,
    refused: /no version of TLS that is supported here/,
    only: withPriority,
  },
  {
    title: 'a server that speaks TLS 1.2 at most',
    plan: { folder: 'good', verifyPeer: true, priority: 'NORMAL:-VERS-ALL:+VERS-TLS1.2' },
    words: good,
    only: withPriority,
  },
  {
    title: 'a shared key of ours',
    plan: { folder: 'good' },
    words: ['--tls-psk', '@alice.psk'],
    refused: /the server sends a certificate, although a shared key was expected/,
  },
];

const sharedKeys: readonly Case[] = [
  {
    title: 'the key of the only user',
    plan: { psk: 'server.psk' },
    words: ['--tls-psk', '@alice.psk'],
    only: withKeys,
  },
  {
    title: 'the key of a user by name',
    plan: { psk: 'server.psk' },
    words: ['--tls-psk', '@server.psk'],
    user: 'bob',
    only: withKeys,
  },
  {
    title: 'F25: the key of a user whose name GnuTLS writes in digits',
    plan: { psk: 'server.psk' },
    words: ['--tls-psk', '@server.psk'],
    user: 'alice%3Ahome',
    only: withKeys,
  },
  {
    title: 'another key',
    plan: { psk: 'server.psk' },
    words: ['--tls-psk', '@wrong.psk'],
    refused: keyRefused,
    only: withKeys,
  },
  {
    title: 'a user who is unknown',
    plan: { psk: 'server.psk' },
    words: ['--tls-psk', '@carol.psk'],
    refused: keyRefused,
    only: withKeys,
  },
  {
    title: 'certificates of ours',
    plan: { psk: 'server.psk' },
    words: good,
    refused: /the server hung up during the TLS handshake/,
    only: withKeys,
  },
  {
    title: 'a user of whom we have no key',
    plan: { psk: 'server.psk' },
    words: ['--tls-psk', '@server.psk'],
    user: 'dave',
    refused: /server\.psk: there is no key of user 'dave' in it/,
    only: withKeys,
  },
];

const clearText: readonly Case[] = [
  {
    title: 'clear text to a server that demands TLS',
    plan: { folder: 'good' },
    words: [],
    isDemanded: false,
    refused: /TLS[\s\S]*suggestion: .*nbds:/,
  },
  {
    title: 'TLS to a server without',
    plan: {},
    words: good,
    refused: /option STARTTLS failed[\s\S]*suggestion: .*nbd:/,
  },
  { title: 'TLS by option', plan: { folder: 'good' }, words: ['--tls', 'require', ...good], isDemanded: false },
  {
    title: 'TLS by option to a server without',
    plan: {},
    words: ['--tls=require', ...good],
    isDemanded: false,
    refused: /STARTTLS/,
  },
  { title: 'TLS where it can be had', plan: { folder: 'good' }, words: ['--tls=allow', ...good], isDemanded: false },
  { title: 'TLS where it cannot be had', plan: {}, words: ['--tls=allow', ...good], isDemanded: false, isUsed: false },
  {
    title: 'clear text to a server that offers TLS',
    plan: { folder: 'good', isOptional: true },
    words: [],
    isDemanded: false,
    isUsed: false,
    only: ['nbdkit', 'nbd-server'],
  },
  {
    title: 'TLS to a server that offers it',
    plan: { folder: 'good', isOptional: true },
    words: good,
    only: ['nbdkit', 'nbd-server'],
  },
];

describe.each(serverKinds)('our clients, with TLS, to %s', (kind) => {
  describePeers('certificates and keys', [kind], (generation) => {
    let workspace: Workspace;
    const servers = new Map<string, Promise<PeerServer>>();
    beforeAll(() => {
      workspace = new Workspace(generation);
      writeTlsFolders(workspace);
    });
    afterAll(async () => {
      for (const server of servers.values()) await (await server).stop();
      workspace.dispose();
    });

    /** Each plan is carried out once; most cases share one. */
    function serverOf(plan: TlsPlan): Promise<PeerServer> {
      const key = JSON.stringify(plan);
      const server = servers.get(key) ?? startTlsServer(kind, workspace, plan);
      servers.set(key, server);
      return server;
    }

    const inWorkspace = (words: readonly string[]): string[] =>
      words.map((word) => (word.startsWith('@') ? workspace.hostPath(word.slice(1)) : word));

    const can = ({ only = serverKinds }: Case): boolean => only.includes(kind);

    it.each([...certificates, ...sharedKeys, ...clearText].filter(can))('$title', async (one) => {
      const { plan, words, user, isDemanded = true, isUsed = true, refused } = one;
      const { port } = await serverOf(plan);
      const authority = `${user === undefined ? '' : `${user}@`}localhost:${port}`;
      const uri = `${isDemanded ? 'nbds' : 'nbd'}://${authority}/${exportOf(kind)}`;
      const { code, stdout, stderr } = await nbd('info', '--no-content', ...inWorkspace(words), uri);
      if (refused === undefined) {
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
        expect(stdout).toContain(isUsed ? ' with TLS' : ' without TLS');
        expect(stdout).toContain(`export-size: ${diskBytes}`);
      } else {
        expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
        expect(stderr).toMatch(refused);
        expect(stderr).toMatch(/^nbd: [^\n]+\n(nbd: suggestion: [^\n]+\n)?$/);
      }
    });

    it('what is written and read comes through', async () => {
      const { port } = await serverOf(demanding);
      const folder = workspace.hostPath('good');
      const uri = `nbds://localhost:${port}/${exportOf(kind)}`;
      const image = workspace.hostPath('image');
      makeRawImage(image, diskBytes, [{ offset: 0, length: diskBytes }], 2);
      expect(await nbd('copy', '--tls-certificates', folder, image, uri)).toMatchObject({ code: 0, stderr: '' });
      const copy = workspace.hostPath('copy');
      // The folder may stand in the URI, too.
      expect(await nbd('copy', `${uri}?tls-certificates=${folder}`, copy)).toMatchObject({ code: 0, stderr: '' });
      expect(await sha256OfFile(copy)).toBe(await sha256OfFile(image));
      const { stdout } = await nbd('dump', '--tls-certificates', folder, '-o', '65536', '-n', '16', uri);
      expect(stdout.replace(/[^0-9a-f]/g, '')).toContain(
        readFileSync(image)
          .subarray(65536, 65536 + 16)
          .toString('hex'),
      );
    });

    it('D8: a Unix socket has no host name, so without --tls-hostname any server of the authority is accepted', async () => {
      const { socketPath } = await serverOf({ ...demanding, tcp: false });
      const folder = workspace.hostPath('good');
      const uri = `nbds+unix:///${exportOf(kind)}?socket=${socketPath}&tls-certificates=${folder}`;
      for (const words of [
        ['--tls-hostname', 'storage.example', uri],
        [`${uri}&tls-hostname=storage.example`],
        ['--no-tls-verify-peer', uri],
        [uri],
      ]) {
        const { code, stdout, stderr } = await nbd('info', '--no-content', ...words);
        expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: expect.stringContaining(' with TLS'), stderr: '' });
      }
      const wrong = await nbd('info', '--no-content', `${uri}&tls-hostname=other.example`);
      expect(wrong.stderr).toMatch(/, not for "other\.example"/);
      const stranger = uri.replace(/tls-certificates=.*/, `tls-certificates=${workspace.hostPath('stranger')}`);
      const untrusted = await nbd('info', '--no-content', stranger);
      expect(untrusted).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(/not signed by an authority/),
      });
    });
  });
});
