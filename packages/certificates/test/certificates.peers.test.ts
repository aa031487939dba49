/** The certificates, checked by OpenSSL and GnuTLS. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createWorkspace, describePeers, runPeer, type Workspace } from '@nbdjs/peers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createAuthority, openAuthority, writeFolder } from '../src/index.ts';

const day = 86_400_000;
const authority = await createAuthority({ name: 'CN=Test CA,O=Example' });

describePeers('to OpenSSL and GnuTLS', ['openssl', 'certtool'], (generation) => {
  let workspace: Workspace;
  beforeEach(() => {
    workspace = createWorkspace(generation);
  });
  afterEach(() => workspace.dispose());

  const openssl = (...args: string[]) => runPeer('openssl', 'bookworm', args);
  const certtool = (...args: string[]) => runPeer('certtool', generation, args);

  async function expectVerdict(file: string, verdict: RegExp | 'good'): Promise<void> {
    const ours = (name: string): string => workspace.hostPath(name);
    const lists = ['-CAfile', ours('ca-cert.pem'), '-CRLfile', ours('ca-crl.pem')];
    const one = await openssl('verify', '-x509_strict', '-crl_check', ...lists, ours(file));
    const theirs = (name: string): string => workspace.peerPath(name);
    const loaded = ['--load-ca-certificate', theirs('ca-cert.pem'), '--load-crl', theirs('ca-crl.pem')];
    const other = await certtool('--verify', '--verify-profile', 'medium', ...loaded, '--infile', theirs(file));
    const isGood = verdict === 'good';
    expect({ code: one.code, text: one.stderr }).toEqual({
      code: isGood ? 0 : 2,
      text: isGood ? '' : expect.stringMatching(verdict),
    });
    expect(other.stdout.toString()).toMatch(isGood ? /Verified\. The certificate is trusted/ : verdict);
    expect(other.code === 0).toBe(isGood);
  }

  it('good, expired, early and revoked certificates are recognized', async () => {
    const server = await authority.issueServer({ hosts: ['storage.example', '127.0.0.1'] });
    const client = await authority.issueClient({ name: 'CN=alice,O=Example' });
    const gone = await authority.issueClient({ name: 'gone' });
    const past = new Date(Date.now() - 10 * day);
    const expired = await authority.issueServer({ hosts: ['h'], validFrom: past, validTo: new Date(Date.now() - day) });
    const early = await authority.issueServer({ hosts: ['h'], validFrom: new Date(Date.now() + day) });
    const stranger = await (await createAuthority({ name: 'CN=Test CA,O=Example' })).issueClient({ name: 'x' });
    writeFolder(workspace.folder, { authority, server, client, revocationList: await authority.revoke([gone]) });
    for (const [name, { certificate }] of Object.entries({ gone, expired, early, stranger })) {
      writeFileSync(workspace.hostPath(`${name}.pem`), certificate);
    }
    await expectVerdict('server-cert.pem', 'good');
    await expectVerdict('client-cert.pem', 'good');
    await expectVerdict('gone.pem', /revoked/);
    await expectVerdict('expired.pem', /expired/);
    await expectVerdict('early.pem', /not yet (valid|activated)/);
    await expectVerdict('stranger.pem', /signature|issuer/);
    const list = await certtool(
      '--verify-crl',
      '--load-ca-certificate',
      workspace.peerPath('ca-cert.pem'),
      '--infile',
      workspace.peerPath('ca-crl.pem'),
    );
    expect(list.stdout.toString()).toContain('Verified. The certificate is trusted.');
  });

  it('an empty list revokes nothing', async () => {
    const client = await authority.issueClient({ name: 'alice' });
    writeFolder(workspace.folder, { authority, client, revocationList: await authority.revoke([]) });
    await expectVerdict('client-cert.pem', 'good');
  });

  it('goes on with an authority that OpenSSL made, whose name keeps its bytes', async () => {
    const [key, certificate] = [workspace.hostPath('key.pem'), workspace.hostPath('ca.pem')];
    const subject = ['-subj', '/C=GB/O=Ex ample/CN=Tést', '-days', '1'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key];
    expect((await openssl('req', '-x509', ...curve, ...subject, '-out', certificate)).code).toBe(0);
    const opened = await openAuthority({
      certificate: readFileSync(certificate, 'utf8'),
      key: readFileSync(key, 'utf8'),
    });
    const server = await opened.issueServer({ hosts: ['storage.example', 'fe80::1%eth0'] });
    writeFileSync(workspace.hostPath('server.pem'), server.certificate);
    const verdict = await openssl('verify', '-CAfile', certificate, workspace.hostPath('server.pem'));
    expect({ code: verdict.code, text: verdict.stderr }).toEqual({ code: 0, text: '' });
    expect(new X509Certificate(server.certificate).checkIP('fe80::1')).toBe('fe80::1');
  });

  it('encrypted keys can be read with the passphrase', async () => {
    writeFolder(workspace.folder, { client: await authority.issueClient({ name: 'alice', passphrase: 'geheim' }) });
    const file = workspace.peerPath('client-key.pem');
    const opened = await certtool('--key-info', '--infile', file, '--password', 'geheim');
    expect({ code: opened.code, text: opened.stdout.toString() }).toEqual({
      code: 0,
      text: expect.stringContaining('SECP256R1'),
    });
    expect((await certtool('--key-info', '--infile', file, '--password', 'falsch')).code).not.toBe(0);
    expect(
      (await openssl('pkey', '-in', workspace.hostPath('client-key.pem'), '-passin', 'pass:geheim', '-noout')).code,
    ).toBe(0);
  });
});
