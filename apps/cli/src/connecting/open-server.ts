/** Connecting to the server that an operand names. */
import {
  type ConnectOptions,
  type ConnectTarget,
  connect,
  minimumBlockSizeMax,
  type NbdClient,
  resolveTarget,
  resolveTls,
} from '@nbdjs/client';
import { type ExportInspector, openInspector } from '@nbdjs/connection';
import type { ExportFacts } from '@nbdjs/interfaces';
import type { ServerOperand } from '../options/operand.ts';
import { isWebUrl } from '../options/operand.ts';
import type { ServerOptions } from '../options/server.ts';
import type { WebClientOptions } from '../options/web.ts';
import type { Terminal } from '../terminal.ts';
import { noting } from './connection-notes.ts';
import { patienceFor } from './patience.ts';

/** How a server is connected to, as the command line says. */
export interface Connecting extends ServerOptions, WebClientOptions {
  readonly verbose?: boolean | undefined;
}

/** With retries, a server that owes an answer and is silent for this long counts as gone, in milliseconds. */
const silenceMsDefault = 120_000;

/**
 * Connects to a server. One command makes one connection or a few, and starting a thread for them would take longer than
 * connecting. The author of the command line may name files in URIs.
 *
 * With retries, a server (or an export) that is not there yet is waited for, and one whose connection is lost later, too.
 */
export async function openServer(
  server: ServerOperand,
  options: Connecting,
  terminal: Terminal,
  connectOptions: ConnectOptions = {},
): Promise<NbdClient> {
  const target = await targetOf(server, options);
  const open = () =>
    connect(target, {
      delivery: 'inline',
      tls: tlsOf(server),
      allowLocalFiles: true,
      signal: terminal.signal,
      mode: options.mode,
      silenceMs: silenceMsOf(options) ?? (server.type === 'uri' && options.retries > 0 ? silenceMsDefault : 0),
      ...patienceWith(server, options),
      ...connectOptions,
    });
  const client = await noting(options, terminal, open);
  warnOfBlocks(client.facts, client.name, terminal);
  return client;
}

/**
 * Connects to a server to ask it about its exports, and does so. With retries, the server is waited for, and the export that the operand
 * names as well if `isExportAwaited`.
 */
export async function withInspector<Result>(
  server: ServerOperand,
  options: Connecting,
  terminal: Terminal,
  isExportAwaited: boolean,
  act: (inspector: ExportInspector, exportName: string) => Promise<Result>,
): Promise<Result> {
  const target = resolveTarget(await targetOf(server, options));
  const { settings, mode: tls } = resolveTls(target, { tls: tlsOf(server), allowLocalFiles: true });
  const { openTimeoutMs, openAttemptsMax } = patienceWith(server, options);
  return await noting(options, terminal, async () => {
    await using inspector = await openInspector(target.endpoint, {
      name: target.name,
      signal: terminal.signal,
      tls: settings,
      handshake: { tls, ...(options.mode === undefined ? {} : { mode: options.mode }) },
      openTimeoutMs,
      openAttemptsMax,
      awaitExport: isExportAwaited ? target.exportName : undefined,
    });
    return await act(inspector, target.exportName);
  });
}

/** Returns what `--silence` was given, in milliseconds. */
function silenceMsOf({ silence }: Pick<ServerOptions, 'silence'>): number | undefined {
  return silence === undefined ? undefined : 1000 * silence;
}

/** Returns what a client connects to. */
export async function targetOf(server: ServerOperand, options: WebClientOptions): Promise<ConnectTarget> {
  if (server.type === 'command') return { command: server.command, stderr: 'inherit' };
  if (!isWebUrl(server.uri)) return server.uri;
  const { webTarget } = await import('./web-target.ts');
  return webTarget(server.uri, options, server.tls);
}

/** TLS with the NBD server itself. With a URL of WebSocket or HTTP, TLS lies below that. */
export function tlsOf(server: ServerOperand): ServerOperand['tls'] {
  return server.type === 'uri' && isWebUrl(server.uri) ? undefined : server.tls;
}

function patienceWith(server: ServerOperand, { retries }: ServerOptions) {
  // A command is started anew with each connection, and what it then serves may be different.
  const patience = patienceFor(server.type === 'uri' ? retries : 0);
  return { ...patience, awaitExport: patience.openAttemptsMax > 1 };
}

/** Blocks that are larger than the specification allows are accepted; writes have to be of whole ones. */
function warnOfBlocks({ blockSizes }: ExportFacts, name: string, terminal: Terminal): void {
  const minimum = blockSizes?.minimum ?? 1;
  if (minimum <= minimumBlockSizeMax) return;
  const allowed = `the specification allows ${minimumBlockSizeMax} at most`;
  terminal.note(`nbd: warning: ${name}: the server requires blocks of ${minimum} bytes, and ${allowed}`);
}
