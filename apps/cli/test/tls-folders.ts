/** Folders of certificates and keys, good ones and every kind of bad ones, as TLS tests need them. */
import { writeFileSync } from 'node:fs';
import { type CertificateFiles, createAuthority, createPsk, formatPskFile, writeFolder } from '@nbdjs/certificates';
import type { Workspace } from '@nbdjs/peers/local';

const day = 86_400_000;
const past = { validFrom: new Date(Date.now() - 10 * day), validTo: new Date(Date.now() - day) };

// Made once for all tests of a file: making them costs more than writing them.
const authority = await createAuthority({ name: 'CN=Good CA,O=Example' });
const stranger = await createAuthority({ name: 'CN=Other CA,O=Example' });
const server = await authority.issueServer({ hosts: ['localhost', '127.0.0.1', 'storage.example'] });
const client = await authority.issueClient({ name: 'CN=alice,O=Example' });
const formerClient = await authority.issueClient({ name: 'CN=alice,O=Example' });
const strangersServer = await stranger.issueServer({ hosts: ['localhost', '127.0.0.1', 'storage.example'] });
const strangersClient = await stranger.issueClient({ name: 'CN=alice,O=Example' });
/** The authority's certificate alone, which is what others need of it. */
const trust = { certificate: authority.certificate };

const folders = {
  /** A server at localhost and storage.example, and a client `CN=alice,O=Example`. */
  good: { authority: trust, server, client },
  /** The same, in the eyes of whom the server and the client of `good` are revoked. */
  revoking: { authority: trust, server, client, revocationList: await authority.revoke([server, client]) },
  /** Has a revocation list without the certificates of `good`. */
  listed: { authority: trust, server, client, revocationList: await authority.revoke([formerClient]) },
  /** A server at another host, and another client. */
  elsewhere: {
    authority: trust,
    server: await authority.issueServer({ hosts: ['elsewhere.example'] }),
    client: await authority.issueClient({ name: 'CN=mallory,O=Example' }),
  },
  expired: {
    authority: trust,
    server: await authority.issueServer({ hosts: ['localhost', '127.0.0.1'], ...past }),
    client: await authority.issueClient({ name: 'CN=alice,O=Example', ...past }),
  },
  /** Trusts the good authority, but has no certificate. */
  anonymous: { authority: trust },
  /** Another authority, with all that belongs to it. */
  stranger: { authority: { certificate: stranger.certificate }, server: strangersServer, client: strangersClient },
  /** Trusts the good authority, but is certified by the other. */
  impostor: { authority: trust, server: strangersServer, client: strangersClient },
} satisfies Record<string, CertificateFiles>;

export type FolderName = keyof typeof folders;

const [alice, bob, carol, house] = ['alice', 'bob', 'carol', 'alice:home'].map(createPsk);
if (alice === undefined || bob === undefined || carol === undefined || house === undefined)
  throw new Error('there are four keys');

/** Files of shared keys: what the server knows, and what clients do. */
const keyFiles = {
  'server.psk': [alice, bob, house],
  'alice.psk': [alice],
  /** Alice with another key. */
  'wrong.psk': [createPsk('alice')],
  /** A client that the server does not know. */
  'carol.psk': [carol],
};

export type KeyFileName = keyof typeof keyFiles;

/** Writes all folders and files into the workspace, under their names. */
export function writeTlsFolders(workspace: Workspace): void {
  for (const [name, files] of Object.entries(folders)) writeFolder(workspace.hostPath(name), files);
  for (const [name, keys] of Object.entries(keyFiles)) {
    writeFileSync(workspace.hostPath(name), formatPskFile(keys), { mode: 0o600 });
    // QEMU looks for a folder in which the file has its customary name.
    writeFolder(workspace.hostPath(`${name}.folder`), { psks: keys });
  }
}
