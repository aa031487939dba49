/** Opening what an operand names. */
import { type ConnectOptions, type ConnectTarget, connect, type NbdClient } from '@nbdjs/client';
import type { Operand } from './arguments/operands.ts';

/** An operand that is a server. */
export type ServerOperand = Extract<Operand, { type: 'uri' | 'command' }>;

export function targetOf(server: ServerOperand): ConnectTarget {
  return server.type === 'uri' ? server.uri : { command: server.command };
}

/**
 * Connects to a server. One command makes one or a few connections, for which starting a thread would take longer than
 * connecting. Whoever writes the command line may name files in URIs.
 */
export function openServer(server: ServerOperand, options: ConnectOptions): Promise<NbdClient> {
  return connect(targetOf(server), { delivery: 'inline', tls: server.tls, allowLocalFiles: true, ...options });
}
