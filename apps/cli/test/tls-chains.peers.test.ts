/** F26: chains, authorities in between, names and times of certificates as OpenSSL makes them, in the eyes of GnuTLS and in ours. */
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createAuthority, writeFolder } from '@nbdjs/certificates';
import { describePeers, type PeerServer, runPeer, startNbdkit, Workspace } from '@nbdjs/peers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nbd } from './harness.ts';
import { type Serving, startServing } from './tls-serving.ts';

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const authorityLines = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n';
const serverLines = (names: string): string =>
  `basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n${names === '' ? '' : `subjectAltName=${names}\n`}`;
const clientLines = 'basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n';

describePeers('certificates', ['openssl', 'nbdinfo', 'nbdkit'], (generation) => {
  let workspace: Workspace;
  const servers: (PeerServer | Serving)[] = [];
  const at = (name: string): string => workspace.hostPath(name);
  const text = (name: string): string => readFileSync(at(name), 'utf8');

  const openssl = async (...args: readonly string[]): Promise<void> => {
    const { code, stderr } = await runPeer('openssl', 'bookworm', args);
    if (code !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`);
  };

  /** Makes NAME.pem and NAME.key, signed by another of these. */
  async function issue(name: string, issuer: string, lines: string, common = name): Promise<void> {
    writeFileSync(at(`${name}.ext`), lines);
    await openssl(
      'req',
      '-new',
      ...newKey,
      '-keyout',
      at(`${name}.key`),
      '-out',
      at(`${name}.csr`),
      '-subj',
      `/CN=${common}`,
    );
    const own = [
      '-CA',
      at(`${issuer}.pem`),
      '-CAkey',
      at(`${issuer}.key`),
      '-CAcreateserial',
      '-extfile',
      at(`${name}.ext`),
    ];
    await openssl('x509', '-req', '-in', at(`${name}.csr`), ...own, '-days', '30', '-out', at(`${name}.pem`));
  }

  /** A folder whose own certificate is the first of a chain. */
  function folder(name: string, role: 'server' | 'client', chain: readonly string[], trusted: string): string {
    mkdirSync(at(name));
    writeFileSync(at(`${name}/${role}-cert.pem`), chain.map((one) => text(`${one}.pem`)).join(''));
    if (chain[0] !== undefined) copyFileSync(at(`${chain[0]}.key`), at(`${name}/${role}-key.pem`));
    writeFileSync(at(`${name}/ca-cert.pem`), text(`${trusted}.pem`));
    return at(name);
  }

  const trusting = (name: string, trusted: string): string => {
    mkdirSync(at(name));
    writeFileSync(at(`${name}/ca-cert.pem`), text(`${trusted}.pem`));
    return at(name);
  };

  async function nbdkit(name: string, ...options: readonly string[]): Promise<number> {
    const words = ['--tls=require', `--tls-certificates=${workspace.peerPath(name)}`, ...options];
    const server = await startNbdkit(workspace, { plugin: 'memory', parameters: ['1M'], options: words, tcp: true });
    servers.push(server);
    return server.port as number;
  }

  async function serve(name: string, ...options: readonly string[]): Promise<Serving> {
    const server = await startServing(workspace, ['--port', '0', '--tls-certificates', at(name), ...options]);
    servers.push(server);
    return server;
  }

  const portOf = ({ place }: Serving): number => ('port' in place ? place.port : 0);
  const ours = (name: string, port: number, ...words: readonly string[]) =>
    nbd('info', '--no-content', '--tls-certificates', at(name), ...words, `nbds://localhost:${port}`);
  const libnbds = (name: string, port: number) =>
    runPeer('nbdinfo', generation, [
      '--size',
      `nbds://localhost:${port}/?tls-certificates=${workspace.peerPath(name)}`,
    ]);

  beforeAll(async () => {
    workspace = new Workspace(generation);
    await openssl(
      'req',
      '-x509',
      ...newKey,
      '-keyout',
      at('root.key'),
      '-out',
      at('root.pem'),
      '-subj',
      '/CN=Root',
      '-days',
      '30',
    );
    await issue('inter', 'root', authorityLines, 'Inter');
    await issue('leaf', 'inter', serverLines('DNS:localhost'), 'localhost');
    await issue('user', 'inter', clientLines, 'alice');
    await issue('upstart', 'user', clientLines, 'mallory');
    folder('chain', 'server', ['leaf', 'inter'], 'root');
    folder('leaf-only', 'server', ['leaf'], 'root');
    folder('knows-inter', 'server', ['leaf', 'inter'], 'inter');
    trusting('trusts-root', 'root');
    trusting('trusts-inter', 'inter');
    trusting('trusts-leaf', 'leaf');
    folder('alice', 'client', ['user'], 'root');
    folder('mallory', 'client', ['upstart', 'user', 'inter'], 'root');
  });

  afterAll(async () => {
    for (const server of servers) await ('end' in server ? server.end() : server.stop());
    workspace.dispose();
  });

  it.each(['chain', 'leaf-only'])('F26: an authority in between is enough to trust a server (%s)', async (name) => {
    const port = await nbdkit(name);
    expect(await libnbds('trusts-inter', port)).toMatchObject({ code: 0 });
    for (const trust of ['trusts-inter', 'trusts-leaf']) {
      expect(await ours(trust, port)).toMatchObject({ code: 0, stderr: '' });
    }
  });

  it('F26: an authority in between is enough to trust a client', async () => {
    const port = portOf(await serve('knows-inter'));
    expect(await libnbds('alice', port)).toMatchObject({ code: 0 });
    expect(await ours('alice', port)).toMatchObject({ code: 0, stderr: '' });
    expect(await ours('trusts-root', port)).toMatchObject({ code: 1, stderr: expect.stringMatching(/certificate/) });
  });

  it('F26: says who has signed what is not trusted, and what is not known of him', async () => {
    const port = await nbdkit('leaf-only');
    expect(await libnbds('trusts-root', port)).toMatchObject({ code: 1 });
    const { code, stderr } = await ours('trusts-root', port);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /is not signed by an authority that is trusted here: 'CN=Inter' has signed it, whose own certificate is neither trusted here nor sent by the server\n/,
      ),
    });
  });

  it('F26: says that one who may sign nothing has signed', async () => {
    const server = await serve('chain');
    expect(await ours('mallory', portOf(server))).toMatchObject({ code: 1 });
    await expect
      .poll(() => server.notes)
      .toMatch(/the client's certificate is signed by 'CN=alice', which may not sign any/);
  });

  it('F26: wants a list of revoked certificates from each authority, and says so', async () => {
    const config = `[ca]\ndefault_ca=one\n[one]\ndatabase=${at('index')}\ndefault_md=sha256\ndefault_crl_days=30\n`;
    writeFileSync(at('ca.cnf'), config);
    writeFileSync(at('index'), '');
    const list = async (name: string, revoked?: string): Promise<string> => {
      const own = ['-config', at('ca.cnf'), '-keyfile', at(`${name}.key`), '-cert', at(`${name}.pem`)];
      if (revoked !== undefined) await openssl('ca', '-revoke', at(`${revoked}.pem`), ...own);
      await openssl('ca', '-gencrl', '-out', at(`${name}.crl`), ...own);
      return text(`${name}.crl`);
    };
    trusting('listing', 'root');
    writeFileSync(at('listing/ca-crl.pem'), await list('root'));
    const port = await nbdkit('chain');
    expect(await ours('listing', port)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /no list of revoked certificates .*one is needed from each of 'CN=Inter', 'CN=Root'/,
      ),
    });
    appendFileSync(at('listing/ca-crl.pem'), await list('inter'));
    expect(await ours('listing', port)).toMatchObject({ code: 0, stderr: '' });
    writeFileSync(at('listing/ca-crl.pem'), `${await list('root', 'inter')}${text('inter.crl')}`);
    expect(await ours('listing', port)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/certificate is revoked, or that of 'CN=Inter', which certifies it\n/),
    });
  });

  it.each([
    ['DNS:*.example.test', 'host7.example.test', undefined],
    ['DNS:*.example.test', 'a.b.example.test', /is for "\*\.example\.test", not for "a\.b\.example\.test"\n/],
    ['DNS:host*.example.test', 'host7.example.test', /a \* can only stand for the whole first part/],
    ['DNS:*.test', 'a.test', /is for "\*\.test", not for "a\.test"/],
    ['IP:127.0.0.1', 'localhost', /is for "127\.0\.0\.1", not for "localhost": its common name does not count/],
    ['email:root@localhost', 'localhost', /is for no host, not for "localhost": its common name does not count/],
    ['DNS:localhost.', 'localhost', /names in certificates end without a dot/],
    ['DNS:127.0.0.1', '127.0.0.1', /not for "127\.0\.0\.1": that is the name of a host in it, expected an address/],
    ['IP:127.0.0.1', '127.0.0.1', undefined],
    ['', 'localhost', undefined],
    ['', 'LOCALHOST.', undefined],
  ])('F26: a certificate for %s, where %s is meant', async (names, host, refused) => {
    const name = `names-${names.replace(/\W/g, '_')}-${host}`;
    await issue(name, 'root', serverLines(names), 'localhost');
    folder(`${name}-pki`, 'server', [name], 'root');
    const server = await serve(`${name}-pki`, '--no-tls-verify-peer');
    const { code, stderr } = await ours('trusts-root', portOf(server), '--tls-hostname', host);
    if (refused === undefined) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    else expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(refused) });
  });

  it('F26: a server does not start with a certificate that no client could accept', async () => {
    folder('for-clients', 'server', ['user', 'inter'], 'root');
    const start = (name: string) => nbd('serve', '--port', '0', '--tls-certificates', at(name), 'memory:1M');
    expect(await start('for-clients')).toMatchObject({
      code: 1,
      stderr: `nbd: TLS: ${at('for-clients/server-cert.pem')}: the server's certificate is not meant for a server, but for clients\n`,
    });
    const authority = await createAuthority();
    const past = { validFrom: new Date('2001-01-01'), validTo: new Date('2002-01-01') };
    const server = await authority.issueServer({ hosts: ['localhost'], ...past });
    writeFolder(at('old'), { authority: { certificate: authority.certificate }, server });
    expect(await start('old')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/server-cert\.pem: the server's certificate has expired on 2002-01-01\n/),
    });
  });

  it('F26: a client that is refused gets the reason: its certificate has expired, or it has none', async () => {
    const authority = await createAuthority({ name: 'CN=One' });
    const past = { validFrom: new Date('2001-01-01'), validTo: new Date('2002-01-01') };
    const trust = { certificate: authority.certificate };
    writeFolder(at('strict'), { authority: trust, server: await authority.issueServer({ hosts: ['localhost'] }) });
    writeFolder(at('late'), { authority: trust, client: await authority.issueClient({ name: 'CN=late', ...past }) });
    writeFolder(at('nobody'), { authority: trust });
    const port = await nbdkit('strict', '--tls-verify-peer');
    expect((await ours('late', port)).stderr).toMatch(/; our own \(.*client-cert\.pem\) has expired on 2002-01-01\n/);
    expect((await ours('nobody', port)).stderr).toMatch(/; we have none to show\n/);
  });

  it('F26: says which authority has expired', async () => {
    const past = { validFrom: new Date('2001-01-01'), validTo: new Date('2002-01-01') };
    const authority = await createAuthority({ name: 'CN=Old Root', ...past });
    const server = await authority.issueServer({ hosts: ['localhost'] });
    writeFolder(at('old-root'), { authority: { certificate: authority.certificate }, server });
    const port = await nbdkit('old-root');
    expect((await ours('old-root', port)).stderr).toMatch(
      /the certificate of 'CN=Old Root', which certifies the server's, has expired on 2002-01-01\n/,
    );
  });

  it('item 17: clients have to show a certificate where there is an authority, which is printed at start', async () => {
    const server = await serve('chain');
    expect(server.notes).toMatch(/^nbd: clients have to show a certificate of an authority in .*chain\/ca-cert\.pem /);
    expect(await ours('trusts-root', portOf(server))).toMatchObject({ code: 1 });
    mkdirSync(at('alone'));
    for (const file of ['server-cert.pem', 'server-key.pem']) copyFileSync(at(`chain/${file}`), at(`alone/${file}`));
    const open = await serve('alone');
    expect(open.notes).toMatch(/^nbd: clients need no certificate: there is no .*alone\/ca-cert\.pem\n/);
    expect(await ours('trusts-root', portOf(open))).toMatchObject({ code: 0 });
  });
});
