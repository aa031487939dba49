/** The TLS matrix, our server and the clients of others: allowed or refused exactly as they should be, and saying why. */
import { describePeers, Workspace } from '@nbdjs/peers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nbdWith, type Outcome } from './harness.ts';
import { writeTlsFolders } from './tls-folders.ts';
import { type ClientKind, type ClientPlan, clientKinds, runClient, type ServerPlace } from './tls-peers.ts';

interface Case {
  readonly title: string;
  /** What our command line says; `@` stands before files and folders of the workspace. */
  readonly words: readonly string[];
  readonly client: ClientPlan;
  /** What the client complains about; nothing where all is well. */
  readonly refused?: RegExp | undefined;
  /** The clients that can do that. @default all */
  readonly only?: readonly ClientKind[] | undefined;
}

const good = ['--tls-certificates', '@good'];
const demanding = [...good, '--tls-verify-peer'];
const keys = ['--tls-psk', '@server.psk'];
const qemu: readonly ClientKind[] = ['qemu-img', 'qemu-nbd'];

const cases: readonly Case[] = [
  { title: 'certificates that fit', words: good, client: { folder: 'good' } },
  { title: 'a client without a certificate, where none is demanded', words: good, client: { folder: 'anonymous' } },
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
    refused: /./,
  },
  { title: 'a client of another authority', words: demanding, client: { folder: 'impostor' }, refused: /./ },
  { title: 'a client who has expired', words: demanding, client: { folder: 'expired' }, refused: /./ },
  {
    title: 'a client who is revoked',
    words: ['--tls-certificates', '@revoking', '--tls-verify-peer'],
    client: { folder: 'good' },
    refused: /./,
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
    refused: /./,
  },
  {
    title: 'nobody in particular, where names are served',
    words: [...good, '--tls-authz', '*'],
    client: { folder: 'anonymous' },
    refused: /./,
  },
  {
    title: 'a server at another host',
    words: ['--tls-certificates', '@elsewhere'],
    client: { folder: 'good' },
    refused: /./,
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
    refused: /./,
  },
  { title: 'a client that trusts another authority', words: good, client: { folder: 'stranger' }, refused: /./ },
  {
    title: 'a server that has expired',
    words: ['--tls-certificates', '@expired'],
    client: { folder: 'good' },
    refused: /./,
  },
  { title: 'a server that is revoked', words: good, client: { folder: 'revoking' }, refused: /./ },
  {
    title: 'TLS 1.1 at most',
    words: good,
    client: { folder: 'good', priority: 'NORMAL:-VERS-ALL:+VERS-TLS1.1' },
    refused: /./,
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
  { title: 'another key', words: keys, client: { psk: 'wrong.psk' }, refused: /./ },
  { title: 'a user who is unknown', words: keys, client: { psk: 'carol.psk', user: 'carol' }, refused: /./ },
  { title: 'a user who is served', words: [...keys, '--tls-authz', 'al*'], client: { psk: 'alice.psk' } },
  {
    title: 'a user who is not served',
    words: [...keys, '--tls-authz', 'al*'],
    client: { psk: 'server.psk', user: 'bob' },
    refused: /./,
  },
  { title: 'a shared key instead of certificates', words: good, client: { psk: 'alice.psk' }, refused: /./ },
  { title: 'certificates instead of a shared key', words: keys, client: { folder: 'good' }, refused: /./ },
  { title: 'clear text, where TLS is demanded', words: good, client: {}, refused: /./ },
  { title: 'clear text, where TLS is offered', words: [...good, '--tls', 'allow'], client: {} },
  { title: 'TLS, where it is offered', words: [...good, '--tls', 'allow'], client: { folder: 'good' } },
  { title: 'TLS, where there is none', words: [], client: { folder: 'good' }, refused: /./ },
  {
    title: 'TLS, where it is switched off',
    words: [...good, '--tls', 'off'],
    client: { folder: 'good' },
    refused: /./,
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
      const { words, client, refused } = one;
      const { place } = await serverOf('--port', '0', ...words);
      const { code, text } = await runClient(kind, workspace, place, client);
      if (refused === undefined) expect({ code, text }).toEqual({ code: 0, text: expect.anything() });
      else expect({ code, text }).toEqual({ code: 1, text: expect.stringMatching(refused) });
    });
  });
});

interface Serving {
  readonly place: ServerPlace;
  end(): Promise<Outcome>;
}

/** Serves a disk in memory until it is told to end. */
async function startServing(workspace: Workspace, words: readonly string[]): Promise<Serving> {
  const abort = new AbortController();
  let running: Promise<Outcome> | undefined;
  const argv = words.map((word) => (word.startsWith('@') ? workspace.hostPath(word.slice(1)) : word));
  const uri = await new Promise<string>((resolve, reject) => {
    running = nbdWith({ signal: abort.signal, hear: resolve }, 'serve', '--print-uri', ...argv, 'memory:1M');
    void running.then(({ stderr }) => reject(new Error(stderr)));
  });
  return {
    place: { port: Number(new URL(uri.trim()).port) },
    end() {
      abort.abort(new Error('the tests are over'));
      return running as Promise<Outcome>;
    },
  };
}
