/** The servers of others, with TLS. */
import { makeRawImage, type PeerServer, startNbdkit, startNbdServer, startQemuNbd, type Workspace } from '@nbdjs/peers';
import type { FolderName, KeyFileName } from './tls-folders.ts';

export const serverKinds = ['qemu-nbd', 'nbdkit', 'nbd-server'] as const;

export type ServerKind = (typeof serverKinds)[number];

/** How a server does TLS; none at all without a folder and keys. */
export interface TlsPlan {
  readonly folder?: FolderName | undefined;
  readonly psk?: KeyFileName | undefined;
  /** Clients have to show a certificate. @default false; nbd-server always wants one */
  readonly verifyPeer?: boolean | undefined;
  /** The only name that is served (qemu-nbd). */
  readonly authz?: string | undefined;
  /** GnuTLS's word for what it may speak (qemu-nbd and nbd-server). */
  readonly priority?: string | undefined;
  /** Clear text is served, too (nbdkit, nbd-server). @default false */
  readonly isOptional?: boolean | undefined;
  /** On a port of 127.0.0.1, or on a Unix socket. @default true */
  readonly tcp?: boolean | undefined;
}

export const diskBytes = 1024 * 1024;

/** Serves `disk` of the workspace, of random bytes, as the default export. */
export function startTlsServer(kind: ServerKind, workspace: Workspace, plan: TlsPlan): Promise<PeerServer> {
  makeRawImage(workspace.hostPath('disk'), diskBytes, [{ offset: 0, length: diskBytes }]);
  const tcp = plan.tcp ?? true;
  switch (kind) {
    case 'qemu-nbd':
      return startQemuNbd(workspace, {
        image: 'disk',
        format: 'raw',
        tcp,
        extraArguments: qemuArguments(workspace, plan),
      });
    case 'nbdkit':
      return startNbdkit(workspace, {
        plugin: 'file',
        parameters: [workspace.peerPath('disk')],
        options: nbdkitOptions(workspace, plan),
        tcp,
      });
    case 'nbd-server':
      return startNbdServer(workspace, [{ name: 'disk', image: 'disk' }], {
        tcp,
        lines: nbdServerLines(workspace, plan),
      });
  }
}

/** The name of the export; nbd-server knows no default one. */
export function exportOf(kind: ServerKind): string {
  return kind === 'nbd-server' ? 'disk' : '';
}

function qemuArguments(workspace: Workspace, { folder, psk, verifyPeer, authz, priority }: TlsPlan): readonly string[] {
  if (folder === undefined && psk === undefined) return [];
  const more = priority === undefined ? '' : `,priority=${priority}`;
  // Its own check would refuse to serve with a certificate that has expired.
  const credentials =
    folder === undefined
      ? `tls-creds-psk,id=tls0,endpoint=server,dir=${workspace.peerPath(`${psk}.folder`)}${more}`
      : `tls-creds-x509,id=tls0,endpoint=server,sanity-check=no,verify-peer=${verifyPeer ? 'yes' : 'no'},dir=${workspace.peerPath(folder)}${more}`;
  return [
    ...['--object', credentials, '--tls-creds', 'tls0'],
    ...(authz === undefined
      ? []
      : ['--object', `authz-simple,id=authz0,identity=${authz.replaceAll(',', ',,')}`, '--tls-authz', 'authz0']),
  ];
}

function nbdkitOptions(workspace: Workspace, { folder, psk, verifyPeer, isOptional }: TlsPlan): readonly string[] {
  if (folder === undefined && psk === undefined) return ['--tls=off'];
  return [
    `--tls=${isOptional ? 'on' : 'require'}`,
    folder === undefined
      ? `--tls-psk=${workspace.peerPath(psk ?? '')}`
      : `--tls-certificates=${workspace.peerPath(folder)}`,
    ...(verifyPeer ? ['--tls-verify-peer'] : []),
  ];
}

function nbdServerLines(workspace: Workspace, { folder, priority, isOptional }: TlsPlan): readonly string[] {
  if (folder === undefined) return [];
  const file = (name: string): string => workspace.peerPath(`${folder}/${name}.pem`);
  return [
    `certfile = ${file('server-cert')}`,
    `keyfile = ${file('server-key')}`,
    // Without an authority it serves no client: it always requires a certificate.
    `cacertfile = ${file('ca-cert')}`,
    ...(priority === undefined ? [] : [`tlsprio = ${priority}`]),
    `force_tls = ${isOptional !== true}`,
  ];
}
