/** The clients of others, with TLS. */
import { runPeer, type Workspace } from '@nbdjs/peers';
import type { FolderName, KeyFileName } from './tls-folders.ts';
import type { ServerPlace } from './tls-serving.ts';

export const clientKinds = ['nbdinfo', 'nbdcopy', 'qemu-img', 'qemu-nbd'] as const;

export type ClientKind = (typeof clientKinds)[number];

/** How a client does TLS; none at all without a folder and keys. */
export interface ClientPlan {
  readonly folder?: FolderName | undefined;
  readonly psk?: KeyFileName | undefined;
  /** Of a shared key. @default 'alice' */
  readonly user?: string | undefined;
  /** Whom the certificate has to be for (QEMU). */
  readonly hostname?: string | undefined;
  /** GnuTLS's word for what it may speak (QEMU). */
  readonly priority?: string | undefined;
}

export interface ClientOutcome {
  readonly code: number | null;
  /** What it printed on both outputs. */
  readonly text: string;
}

/** Has a client look at our default export. */
export async function runClient(
  kind: ClientKind,
  workspace: Workspace,
  place: ServerPlace,
  plan: ClientPlan,
): Promise<ClientOutcome> {
  const args = kind.startsWith('qemu')
    ? qemuArguments(kind, workspace, place, plan)
    : libnbdArguments(kind, workspace, place, plan);
  const { code, stdout, stderr } = await runPeer(kind, workspace.generation, args, { timeoutMs: 20_000 });
  // What nbdcopy prints are the bytes of the export.
  return { code, text: kind === 'nbdcopy' ? stderr : `${stdout}${stderr}` };
}

function libnbdArguments(
  kind: ClientKind,
  workspace: Workspace,
  place: ServerPlace,
  plan: ClientPlan,
): readonly string[] {
  const { folder, psk, user = 'alice' } = plan;
  const parameters = [
    ...('socket' in place ? [`socket=${workspace.peerPath(place.socket)}`] : []),
    ...(folder === undefined ? [] : [`tls-certificates=${workspace.peerPath(folder)}`]),
    ...(psk === undefined ? [] : [`tls-psk-file=${workspace.peerPath(psk)}`]),
  ];
  const scheme = `${folder === undefined && psk === undefined ? 'nbd' : 'nbds'}${'socket' in place ? '+unix' : ''}`;
  const authority = `${psk === undefined ? '' : `${user}@`}${'port' in place ? `localhost:${place.port}` : ''}`;
  const uri = `${scheme}://${authority}/?${parameters.join('&')}`;
  return kind === 'nbdinfo' ? ['--json', uri] : [uri, '-'];
}

function qemuArguments(
  kind: ClientKind,
  workspace: Workspace,
  place: ServerPlace,
  plan: ClientPlan,
): readonly string[] {
  const { hostname } = plan;
  const credentials = credentialsOf(workspace, plan);
  const object = credentials === undefined ? [] : ['--object', credentials];
  if (kind === 'qemu-nbd') {
    return [
      '-L',
      ...('port' in place ? ['-b', 'localhost', '-p', `${place.port}`] : ['-k', workspace.peerPath(place.socket)]),
      ...object,
      ...(credentials === undefined ? [] : ['--tls-creds=tls0']),
      ...(hostname === undefined ? [] : [`--tls-hostname=${hostname}`]),
    ];
  }
  const image = [
    'driver=nbd',
    ...('port' in place ? ['host=localhost', `port=${place.port}`] : [`path=${workspace.peerPath(place.socket)}`]),
    ...(credentials === undefined ? [] : ['tls-creds=tls0']),
    ...(hostname === undefined ? [] : [`tls-hostname=${hostname}`]),
  ].join(',');
  return ['info', ...object, '--image-opts', image];
}

function credentialsOf(
  workspace: Workspace,
  { folder, psk, user = 'alice', priority }: ClientPlan,
): string | undefined {
  const more = priority === undefined ? '' : `,priority=${priority}`;
  const common = `id=tls0,endpoint=client${more}`;
  // Its own check would refuse to show a certificate that has expired.
  if (folder !== undefined) return `tls-creds-x509,${common},sanity-check=no,dir=${workspace.peerPath(folder)}`;
  if (psk !== undefined) return `tls-creds-psk,${common},username=${user},dir=${workspace.peerPath(`${psk}.folder`)}`;
  return undefined;
}
