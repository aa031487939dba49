/** TLS with real servers, over each delivery: which clients are accepted, and the errors of the others. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  describePeers,
  type Generation,
  makeRawImage,
  type PeerServer,
  type Program,
  runPeer,
  startNbdkit,
  startNbdServer,
  startQemuNbd,
  Workspace,
} from '@nbdjs/peers';
import { capabilities } from '@nbdjs/syscalls';
import { TestAuthority } from '@nbdjs/testkit';
import type { TlsClientSettings } from '@nbdjs/transport';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createConnector, type Delivery, openNegotiation } from '../src/index.ts';
import { readOnce } from './support/read-once.ts';

const megabyte = 2 ** 20;
const key = '0123456789abcdef'.repeat(4);
const deliveries: readonly Delivery[] = ['inline', 'kept'];

let workspace: Workspace;
let authority: TestAuthority;
let server: PeerServer | undefined;

function describeServer(program: Program, tests: (generation: Generation) => void): void {
  describePeers(`TLS with ${program}`, [program], (generation) => {
    beforeEach(async () => {
      workspace = new Workspace(generation);
      makeRawImage(workspace.hostPath('disk'), megabyte, [{ offset: 0, length: 4096 }]);
      authority = await TestAuthority.create();
      await authority.issueServer(workspace.hostPath('pki'), { hosts: ['disk.example', 'localhost'] });
      await authority.issueClient(workspace.hostPath('client'), { name: 'one' });
      writeFileSync(workspace.hostPath('keys.psk'), `alice:${key}\n`);
    });
    afterEach(async () => {
      await server?.stop();
      server = undefined;
      workspace[Symbol.dispose]();
    });
    tests(generation);
  });
}

const certificates = (): TlsClientSettings => ({
  certificates: { folder: workspace.hostPath('client') },
  hostname: 'disk.example',
});
const sharedKey = (user = 'alice'): TlsClientSettings => ({
  psk: { user, key: new Uint8Array(Buffer.from(key, 'hex')) },
});
const unix = () => ({ type: 'unix', path: (server as PeerServer).socketPath }) as const;

/** Connects, reads once, and returns whether that was in TLS. */
async function visit(tls: TlsClientSettings, delivery: Delivery = 'inline', exportName = ''): Promise<boolean> {
  const { connector } = createConnector({ endpoint: unix(), handshake: { exportName }, delivery, tls });
  try {
    const established = await connector.establish({ wait: true });
    await readOnce(established);
    established.channel.destroy();
    await established.channel.closed;
    expect(established.channel.peer.tls).toBe(established.facts.tls);
    return established.facts.tls;
  } finally {
    connector.release();
  }
}

const errorOf = (tls: TlsClientSettings, delivery?: Delivery): Promise<unknown> =>
  visit(tls, delivery).then(
    () => 'no error',
    (error: unknown) => error,
  );

const refused = (words: RegExp) => ({ code: 'ERR_NBD_TLS', permanent: true, message: expect.stringMatching(words) });

describeServer('qemu-nbd', () => {
  const disk = { image: 'disk', format: 'raw' } as const;
  const x509 = (verifyPeer: boolean): Promise<PeerServer> => {
    const verify = verifyPeer ? 'yes' : 'no';
    const object = `tls-creds-x509,id=tls0,endpoint=server,dir=${workspace.peerPath('pki')},verify-peer=${verify}`;
    return startQemuNbd(workspace, { ...disk, extraArguments: ['--object', object, '--tls-creds', 'tls0'] });
  };

  it.each(deliveries)('certificates of both sides: %s', async (delivery) => {
    server = await x509(true);
    expect(await visit(certificates(), delivery)).toBe(true);
  });

  it('is refused when its certificate is not for the host, or not of a trusted authority', async () => {
    server = await x509(false);
    expect(await errorOf({ ...certificates(), hostname: 'other.example' })).toMatchObject(
      refused(/is for "disk\.example", "localhost", not for "other\.example"/),
    );
    const stranger = await TestAuthority.create();
    await stranger.issueClient(workspace.hostPath('strange'));
    const strange = { certificates: { folder: workspace.hostPath('strange') }, hostname: 'disk.example' };
    expect(await errorOf(strange, 'kept')).toMatchObject(refused(/not signed by an authority that is trusted here/));
    expect(await visit({ ...strange, verifyPeer: false })).toBe(true);
  });

  it('demands a certificate', async () => {
    server = await x509(true);
    const { certificates: _, ...rest } = certificates();
    const anonymous = { ...rest, certificates: { ca: authority.pem } };
    expect(await errorOf(anonymous)).toMatchObject({
      code: 'ERR_NBD_TLS',
      message: expect.stringMatching(/certificate/),
    });
  });

  it.each(deliveries)('a shared key: %s', async (delivery) => {
    const object = `tls-creds-psk,id=tls0,endpoint=server,dir=${workspace.peerPath('.')}`;
    server = await startQemuNbd(workspace, { ...disk, extraArguments: ['--object', object, '--tls-creds', 'tls0'] });
    expect(await visit(sharedKey(), delivery)).toBe(true);
    expect(await visit({ psk: { file: workspace.hostPath('keys.psk') } }, delivery)).toBe(true);
    const unknown = { code: 'ERR_NBD_TLS', message: expect.stringMatching(/no such user, or another key/) };
    expect(await errorOf(sharedKey('bob'), delivery)).toMatchObject(unknown);
  });

  it('S23, C23: without TLS it refuses, and our client does not go on in clear text', async () => {
    server = await startQemuNbd(workspace, disk);
    expect(await errorOf(certificates())).toMatchObject({ code: 'ERR_NBD_TLS_REFUSED', permanent: true });
  });

  it('S24: with TLS it refuses clients that go on in clear text', async () => {
    server = await x509(false);
    const { connector } = createConnector({ endpoint: unix(), delivery: 'inline' });
    await expect(connector.establish({ wait: true })).rejects.toMatchObject({ code: 'ERR_NBD_TLS_REQUIRED' });
    connector.release();
  });

  it('options, one at a time', async () => {
    server = await x509(true);
    const negotiation = await openNegotiation(unix(), { tls: certificates() });
    expect(negotiation).toMatchObject({ tls: true, peer: { tls: true } });
    expect(await negotiation.list()).toHaveLength(1);
    const established = await negotiation.go('');
    await readOnce(established);
    established.channel.destroy();
  });
});

/** Certificates of another program: with RSA keys, by GnuTLS, as in its documentation. */
async function makeByCerttool(generation: Generation): Promise<void> {
  const folder = 'gnutls';
  const templates = {
    ca: 'cn = "Example CA"\nca\ncert_signing_key\n',
    server: 'cn = "disk.example"\ndns_name = "disk.example"\ntls_www_server\nencryption_key\nsigning_key\n',
    client: 'country = GB\norganization = "Example"\ncn = "one"\ntls_www_client\nencryption_key\nsigning_key\n',
  };
  mkdirSync(workspace.hostPath(folder));
  const file = (name: string): string => workspace.peerPath(join(folder, name));
  const authority = ['--load-ca-certificate', file('ca-cert.pem'), '--load-ca-privkey', file('ca-key.pem')];
  for (const [role, template] of Object.entries(templates)) {
    writeFileSync(workspace.hostPath(join(folder, `${role}.info`)), `${template}expiration_days = 2\n`);
    const key = file(`${role}-key.pem`);
    const how = role === 'ca' ? ['--generate-self-signed'] : ['--generate-certificate', ...authority];
    const what = ['--load-privkey', key, '--template', file(`${role}.info`), '--outfile', file(`${role}-cert.pem`)];
    for (const args of [
      ['--generate-privkey', '--bits=2048', '--outfile', key],
      [...how, ...what],
    ]) {
      const { code, stderr } = await runPeer('certtool', generation, args);
      if (code !== 0) throw new Error(stderr);
    }
  }
}

describePeers('TLS with certificates made by certtool', ['nbdkit', 'certtool'], (generation) => {
  beforeEach(() => {
    workspace = new Workspace(generation);
  });
  afterEach(async () => {
    await server?.stop();
    server = undefined;
    workspace[Symbol.dispose]();
  });

  it('client and server accept the certificates of the other', async () => {
    await makeByCerttool(generation);
    const options = ['--tls=require', `--tls-certificates=${workspace.peerPath('gnutls')}`, '--tls-verify-peer'];
    server = await startNbdkit(workspace, { options, plugin: 'memory', parameters: ['1M'] });
    const tls = { certificates: { folder: workspace.hostPath('gnutls') }, hostname: 'disk.example' };
    expect(await visit(tls)).toBe(true);
    expect(await errorOf({ ...tls, hostname: 'other.example' })).toMatchObject(refused(/is for "disk\.example"/));
  });
});

describeServer('nbdkit', () => {
  const nbdkit = async (...options: readonly string[]): Promise<void> => {
    server = await startNbdkit(workspace, { options, plugin: 'memory', parameters: ['1M'] });
  };
  const folder = () => `--tls-certificates=${workspace.peerPath('pki')}`;

  it.each(deliveries)('certificates, and G5: close_notify at the end: %s', async (delivery) => {
    await nbdkit('--tls=require', folder(), '--tls-verify-peer');
    expect(await visit(certificates(), delivery)).toBe(true);
    await server?.stop();
    expect(server?.stderr).not.toMatch(/non-properly terminated/);
  });

  it('demands a certificate', async () => {
    await nbdkit('--tls=require', folder(), '--tls-verify-peer');
    const anonymous = { certificates: { ca: authority.pem }, hostname: 'disk.example' };
    expect(await errorOf(anonymous)).toMatchObject({
      code: 'ERR_NBD_TLS',
      message: expect.stringMatching(/certificate/),
    });
  });

  it.each(deliveries)('a shared key: %s', async (delivery) => {
    await nbdkit('--tls=require', `--tls-psk=${workspace.peerPath('keys.psk')}`);
    expect(await visit(sharedKey(), delivery)).toBe(true);
    const other = { psk: { user: 'alice', key: new Uint8Array(32) } };
    expect(await errorOf(other, delivery)).toMatchObject({
      code: 'ERR_NBD_TLS',
      message: expect.stringMatching(/key/),
    });
  });

  it('C26: serves both kinds of clients when TLS is optional', async () => {
    await nbdkit('--tls=on', folder());
    expect(await visit(certificates())).toBe(true);
    const { connector } = createConnector({ endpoint: unix(), delivery: 'inline' });
    const { facts, channel } = await connector.establish({ wait: true });
    expect(facts.tls).toBe(false);
    channel.destroy();
    connector.release();
  });

  it.runIf(capabilities().duplicateDescriptor)(
    'C23: allowed and refused, TLS leaves the connection to be handed over',
    async () => {
      await nbdkit('--tls=off');
      const handshake = { tls: 'allow' } as const;
      const chosen = createConnector({ endpoint: unix(), handshake, tls: certificates() });
      expect(chosen.delivery).toBe('handed-over');
      const established = await chosen.connector.establish({ wait: true });
      expect(established.facts.tls).toBe(false);
      await readOnce(established);
      established.channel.destroy();
      chosen.connector.release();
    },
  );
});

describeServer('nbd-server', () => {
  it.each(deliveries)('certificates: %s', async (delivery) => {
    const pki = (name: string): string => join(workspace.peerPath('pki'), name);
    const lines = [
      `certfile = ${pki('server-cert.pem')}`,
      `keyfile = ${pki('server-key.pem')}`,
      `cacertfile = ${pki('ca-cert.pem')}`,
      'force_tls = true',
    ];
    server = await startNbdServer(workspace, [{ name: 'disk', image: 'disk' }], { lines });
    expect(await visit(certificates(), delivery, 'disk')).toBe(true);
  });
});
