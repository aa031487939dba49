/** The server behind a device. */
import type { NbdClient } from '@nbdjs/client';
import { openServer } from '../../connecting/open-server.ts';
import { describeEvent } from '../../connecting/upstream-events.ts';
import { UpstreamNotes } from '../../connecting/upstream-notes.ts';
import { oneLine } from '../../errors/one-line.ts';
import { describeOperand, type ServerOperand } from '../../options/operand.ts';
import type { Terminal } from '../../terminal.ts';
import type { AttachCommandOptions } from './command.ts';

/** "As long as it takes", in milliseconds: a hundred years. */
const withoutEndMs = 100 * 365 * 86_400_000;

/** A server that owes an answer and is silent for this long counts as gone, in milliseconds. */
const silenceMs = 60_000;

/**
 * Connects to the server. It is connected to again whenever the connection is lost, and requests wait for that. A command would start without
 * what was written, so it is not started again.
 */
export async function openUpstream(
  server: ServerOperand,
  options: AttachCommandOptions,
  terminal: Terminal,
): Promise<NbdClient> {
  const { timeout, silence, connections } = options;
  const waitMs = timeout === 0 ? withoutEndMs : 1000 * timeout;
  const reconnectDelayMs = server.type === 'uri' ? waitMs : 0;
  const name = describeOperand(server);
  const notes = new UpstreamNotes(terminal);
  const client = await openServer(server, options, terminal, {
    connections,
    reconnectDelayMs,
    awaitExport: reconnectDelayMs > 0,
    silenceMs: silence === undefined ? silenceMs : 1000 * silence,
    // When the journal is full, a flush is sent to the server, so that nothing can be lost.
    journal: { whenFull: 'flush' },
    onEvent: (event) => notes.print(name, describeEvent(event, reconnectDelayMs)),
  });
  void client.closed.then((error) => {
    if (error !== undefined) notes.print(name, `${oneLine(error)}; every request fails from now on`);
  });
  return client;
}
