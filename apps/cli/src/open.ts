/** Opening what an operand names. */
import {
  type ConnectOptions,
  type ConnectTarget,
  connect,
  type NbdClient,
  resolveTarget,
  resolveTls,
} from '@nbdjs/client';
import { type Negotiation, type OpenNegotiationOptions, openNegotiation } from '@nbdjs/connection';
import type { ExportFacts } from '@nbdjs/interfaces';
import { minimumBlockSizeMax } from '@nbdjs/protocol';
import type { Operand } from './arguments/operands.ts';
import type { ServerWords } from './arguments/server.ts';
import { patienceFor, tellingWhy } from './patience.ts';
import type { Terminal } from './terminal.ts';

/** An operand that is a server. */
export type ServerOperand = Extract<Operand, { type: 'uri' | 'command' }>;

export function targetOf(server: ServerOperand): ConnectTarget {
  return server.type === 'uri' ? server.uri : { command: server.command };
}

/**
 * Connects to a server. One command makes one or a few connections, for which starting a thread would take longer than
 * connecting. Whoever writes the command line may name files in URIs.
 *
 * With retries, a server (or an export) that is not there yet is waited for, and one that goes away later, too.
 */
export async function openServer(
  server: ServerOperand,
  words: ServerWords,
  terminal: Terminal,
  options: ConnectOptions = {},
): Promise<NbdClient> {
  const open = () =>
    connect(targetOf(server), {
      delivery: 'inline',
      tls: server.tls,
      allowLocalFiles: true,
      signal: terminal.signal,
      mode: words.mode,
      silenceMs: words.silenceMs ?? (server.type === 'uri' && words.retries > 0 ? silenceMsDefault : 0),
      ...patienceWith(server, words),
      ...options,
    });
  const client = await tellingWhy(words, terminal, open);
  warnOfBlocks(client.facts, client.name, terminal);
  return client;
}

/** With retries, somebody wants to get on: a server that says nothing for so long is taken for gone. In milliseconds. */
const silenceMsDefault = 120_000;

/** Blocks that are larger than there may be are taken as they are, so writes have to be of whole ones. */
function warnOfBlocks({ blockSizes }: ExportFacts, name: string, terminal: Terminal): void {
  const minimum = blockSizes?.minimum ?? 1;
  if (minimum <= minimumBlockSizeMax) return;
  const allowed = `the specification allows ${minimumBlockSizeMax} at most`;
  terminal.note(`nbd: warning: ${name}: the server wants blocks of ${minimum} bytes, and ${allowed}`);
}

/**
 * The same up to where options can be sent. `probe` asks what has to be answered; with retries, it is asked again (of a new
 * connection) when that fails in a way that may pass, or because there is no such export yet.
 */
export async function openTalk(
  server: ServerOperand,
  words: ServerWords,
  terminal: Terminal,
  probe?: OpenNegotiationOptions['probe'],
): Promise<Negotiation> {
  const target = resolveTarget(targetOf(server));
  const tls = resolveTls(target, { tls: server.tls, allowLocalFiles: true });
  const { mode } = words;
  const open = () =>
    openNegotiation(target.endpoint, {
      name: target.name,
      signal: terminal.signal,
      tls: tls.settings,
      // No context is selected, for none is used.
      handshake: { fullInfo: true, contexts: [], tls: tls.mode, ...(mode && { mode }) },
      ...patienceWith(server, words),
      probe,
    });
  return await tellingWhy(words, terminal, open);
}

function patienceWith(server: ServerOperand, { retries }: ServerWords) {
  // A command is started anew with each connection, and what it then serves need not be the same.
  const patience = patienceFor(server.type === 'uri' ? retries : 0);
  return { ...patience, awaitExport: patience.openAttemptsMax > 1 };
}
