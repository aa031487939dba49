/** The TLS matrix, our server and the clients of others: allowed or refused exactly as they should be, and saying why. */
import { describePeers, Workspace } from '@nbdjs/peers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeTlsFolders } from './tls-folders.ts';
import { type ClientKind, type ClientPlan, clientKinds, runClient } from './tls-peers.ts';
import { type Serving, startServing } from './tls-serving.ts';

interface Case {
  readonly title: string;
  /** The arguments of our command; `@` is the prefix of files and folders of the workspace. */
  readonly words: readonly string[];
  readonly client: ClientPlan;
  /** What the client complains about; nothing where all is well. */
  readonly refused?: RegExp | undefined;
  /** What our server says about it. */
  readonly noted?: RegExp | undefined;
  /** The clients that can do that. @default all */
  readonly only?: readonly ClientKind[] | undefined;
}

const good = ['--tls-certificates', '@good'];
const demanding = [...good, '--tls-verify-peer'];
const keys = ['--tls-psk', '@server.psk'];
const qemu: readonly ClientKind[] = ['qemu-img', 'qemu-nbd'];

const libnbd: readonly ClientKind[] = ['nbdinfo', 'nbdcopy'];

const alert = /A TLS fatal alert has been received/;
/** In TLS 1.3 a server looks at the client's certificate when the client is through, which then finds the connection cut off. */
const cutOff =
  /fatal alert|non-properly terminated|Input\/output error|connection abort|Broken pipe|Connection reset|pull function/;
const denied = /is not served here|server policy prevents|opt_go request: Operation not supported/;
const noTls = /server refused TLS|server reported: TLS is not configured|connection is closed/;
/** Clients of GnuTLS show none that the server could not know. */
const noCertificate = /the client sends no certificate, although one is required here/;

const cases: readonly Case[] = [
  { title: 'certificates that fit', words: good, client: { folder: 'good' } },
  {
    title: 'a client without a certificate, where none is demanded',
    words: [...good, '--no-tls-verify-peer'],
    client: { folder: 'anonymous' },
  },
  { title: 'a client with a certificate, where one is demanded', words: demanding, client: { folder: 'good' } },
  {
    title: 'a client who is not in the list of revoked ones',
    words: ['--tls-certificates', '@listed', '--tls-verify-peer'],
    client: { folder: 'good' },
  },
  {
    title: 'a client without a certificate, where one is demanded',
    words: demanding,
    client: { folder: 'anonymous' },
    refused: cutOff,
    noted: noCertificate,
  },
  {
    title: 'a client without a certificate, where there is an authority and nothing is said',
    words: good,
    client: { folder: 'anonymous' },
    refused: cutOff,
    noted: noCertificate,
  },
  {
    title: 'a client of another authority',
    words: demanding,
    client: { folder: 'impostor' },
    refused: cutOff,
    noted: noCertificate,
  },
  {
    title: 'a client who has expired',
    words: demanding,
    client: { folder: 'expired' },
    refused: cutOff,
    noted: /the client's certificate has expired/,
  },
  {
    title: 'a client who is revoked',
    words: ['--tls-certificates', '@revoking', '--tls-verify-peer'],
    client: { folder: 'good' },
    refused: cutOff,
    noted: /the client's certificate is revoked/,
  },
  {
    title: 'the name that is served',
    words: [...good, '--tls-authz', 'CN=alice,O=Example'],
    client: { folder: 'good' },
  },
  {
    title: 'the name as QEMU writes it',
    words: [...good, '--tls-authz', 'O=Example,CN=alice'],
    client: { folder: 'good' },
  },
  {
    title: 'a pattern that fits',
    words: [...good, '--tls-authz', 'CN=bob', '--tls-authz', 'CN=m*,O=Ex*'],
    client: { folder: 'elsewhere' },
  },
  {
    title: 'a name that is not served',
    words: [...good, '--tls-authz', 'CN=alice,O=Example'],
    client: { folder: 'elsewhere' },
    refused: denied,
    noted: /'CN=mallory,O=Example' is not served here/,
  },
  {
    title: 'without a certificate, where names are served',
    words: [...good, '--tls-authz', '*'],
    client: { folder: 'anonymous' },
    refused: cutOff,
    noted: noCertificate,
  },
  {
    title: 'a server at another host',
    words: ['--tls-certificates', '@elsewhere'],
    client: { folder: 'good' },
    refused: /verification|does not match the hostname localhost/,
  },
  {
    title: 'a server at another host, which is expected',
    words: ['--tls-certificates', '@elsewhere'],
    client: { folder: 'good', hostname: 'elsewhere.example' },
    only: qemu,
  },
  {
    title: 'a server of another authority',
    words: ['--tls-certificates', '@impostor'],
    client: { folder: 'good' },
    refused: /verification|hasn't got a known issuer/,
  },
  {
    title: 'a client that trusts another authority',
    words: good,
    client: { folder: 'stranger' },
    refused: /verification|hasn't got a known issuer/,
  },
  {
    title: 'a server that is revoked',
    words: good,
    client: { folder: 'revoking' },
    refused: /verification/,
    only: libnbd,
  },
  {
    title: 'TLS 1.1 at most',
    words: good,
    client: { folder: 'good', priority: 'NORMAL:-VERS-ALL:+VERS-TLS1.1' },
    refused: alert,
    noted: /the client supports no version of TLS that is supported here/,
    only: qemu,
  },
  {
    title: 'TLS 1.2 at most',
    words: demanding,
    client: { folder: 'good', priority: 'NORMAL:-VERS-ALL:+VERS-TLS1.2' },
    only: qemu,
  },
  { title: 'a shared key', words: keys, client: { psk: 'alice.psk' } },
  { title: 'a shared key of another user', words: keys, client: { psk: 'server.psk', user: 'bob' } },
  {
    title: 'a shared key, TLS 1.2 at most',
    words: keys,
    client: { psk: 'alice.psk', priority: 'NORMAL:-VERS-ALL:+VERS-TLS1.2' },
    only: qemu,
  },
  {
    title: 'another key',
    words: keys,
    client: { psk: 'wrong.psk' },
    refused: alert,
    noted: /the client has another key for this user/,
  },
  {
    title: 'a user who is unknown',
    words: keys,
    client: { psk: 'carol.psk', user: 'carol' },
    refused: alert,
    noted: /the client uses no key that is known here/,
  },
  { title: 'a user who is served', words: [...keys, '--tls-authz', 'al*'], client: { psk: 'alice.psk' } },
  {
    title: 'a user who is not served',
    words: [...keys, '--tls-authz', 'al*'],
    client: { psk: 'server.psk', user: 'bob' },
    refused: denied,
    noted: /user 'bob' is not served here/,
  },
  {
    title: 'a shared key instead of certificates',
    words: good,
    client: { psk: 'alice.psk' },
    refused: /Insufficient credentials/,
    noted: /the client hung up during the TLS handshake/,
  },
  {
    title: 'certificates instead of a shared key',
    words: keys,
    client: { folder: 'good' },
    refused: alert,
    noted: /the client uses no key that is known here: another user, or certificates/,
  },
  {
    title: 'clear text, where TLS is demanded',
    words: good,
    client: {},
    refused: /requires TLS encryption|TLS negotiation required|opt_go request: Operation not supported/,
  },
  { title: 'clear text, where TLS is offered', words: [...good, '--tls', 'allow'], client: {} },
  { title: 'TLS, where it is offered', words: [...good, '--tls', 'allow'], client: { folder: 'good' } },
  { title: 'TLS, where there is none', words: [], client: { folder: 'good' }, refused: noTls },
  {
    title: 'TLS, where it is switched off',
    words: [...good, '--tls', 'off'],
    client: { folder: 'good' },
    refused: noTls,
  },
];

describe.each(clientKinds)('%s, with TLS, to nbd serve', (kind) => {
  describePeers('certificates and keys', [kind], (generation) => {
    let workspace: Workspace;
    const servers = new Map<string, Promise<Serving>>();
    beforeAll(() => {
      workspace = new Workspace(generation);
      writeTlsFolders(workspace);
    });
    afterAll(async () => {
      for (const server of servers.values()) expect(await (await server).end()).toMatchObject({ code: 0 });
      workspace.dispose();
    });

    /** Each command line is carried out once; most cases share one. */
    function serverOf(...words: readonly string[]): Promise<Serving> {
      const server = servers.get(words.join(' ')) ?? startServing(workspace, words);
      servers.set(words.join(' '), server);
      return server;
    }

    it.each(cases.filter(({ only = clientKinds }) => only.includes(kind)))('$title', async (one) => {
      const { words, client, refused, noted } = one;
      const server = await serverOf('--port', '0', ...words);
      server.forget();
      const { code, text } = await runClient(kind, workspace, server.place, client);
      if (noted !== undefined) await expect.poll(() => server.notes).toMatch(noted);
      if (refused === undefined) expect({ code, text }).toEqual({ code: 0, text: expect.anything() });
      else expect({ code, text }).toEqual({ code: 1, text: expect.stringMatching(refused) });
    });

    if (qemu.includes(kind)) {
      it('a Unix socket says nothing about the name, so it has to be told', async () => {
        const { place } = await serverOf('--socket', '@socket', ...demanding);
        const look = (hostname?: string) => runClient(kind, workspace, place, { folder: 'good', hostname });
        expect(await look()).toMatchObject({ code: 1, text: expect.stringMatching(/hostname/i) });
        expect(await look('other.example')).toMatchObject({ code: 1, text: expect.stringMatching(/does not match/) });
        expect(await look('storage.example')).toMatchObject({ code: 0 });
      });
    }

    it('a Unix socket, with certificates and with keys', async () => {
      const { place } = await serverOf('--socket', '@socket', ...demanding);
      expect(await runClient(kind, workspace, place, { folder: 'good', hostname: 'localhost' })).toMatchObject({
        code: 0,
      });
      expect(await runClient(kind, workspace, place, { folder: 'anonymous', hostname: 'localhost' })).toMatchObject({
        code: 1,
      });
      const other = await serverOf('--socket', '@keys-socket', ...keys);
      expect(await runClient(kind, workspace, other.place, { psk: 'alice.psk' })).toMatchObject({ code: 0 });
      expect(await runClient(kind, workspace, other.place, { psk: 'wrong.psk' })).toMatchObject({ code: 1 });
    });
  });
});
