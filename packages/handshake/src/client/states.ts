/**
 * The states of the client's handshake and the ways between them, in one table.
 *
 * Three states are final: `transmission` (all went well), `ended` (we left by `NBD_OPT_ABORT`) and `failed`.
 */

export interface StateRow {
  /** Whose turn it is. */
  readonly turn: 'server' | 'transport' | 'caller' | 'nobody';
  /** Where it can go from here; staying is always possible. */
  readonly next: readonly HandshakeState[];
}

export type HandshakeState =
  /** The server's first bytes are awaited. */
  | 'greeting'
  /** An option is outstanding. */
  | 'option'
  /** `STARTTLS` was acknowledged: no byte may pass until the transport has upgraded. */
  | 'tls'
  /** Option mode: the caller decides what comes next. */
  | 'negotiating'
  /** The answer to `EXPORT_NAME`, which has no header and cannot be an error, is awaited. */
  | 'export-name'
  /** `ABORT` is outstanding. */
  | 'aborting'
  /** Final: the next byte belongs to the transmission phase. */
  | 'transmission'
  /** Final: we left. */
  | 'ended'
  /** Final: it came to nothing. */
  | 'failed';

export const handshakeStates: Readonly<Record<HandshakeState, StateRow>> = {
  greeting: { turn: 'server', next: ['option', 'negotiating', 'export-name', 'transmission', 'failed'] },
  option: { turn: 'server', next: ['tls', 'negotiating', 'export-name', 'transmission', 'failed'] },
  tls: { turn: 'transport', next: ['option', 'negotiating', 'failed'] },
  negotiating: { turn: 'caller', next: ['option', 'export-name', 'aborting', 'ended', 'failed'] },
  'export-name': { turn: 'server', next: ['transmission', 'failed'] },
  aborting: { turn: 'server', next: ['ended'] },
  transmission: { turn: 'nobody', next: [] },
  ended: { turn: 'nobody', next: [] },
  failed: { turn: 'nobody', next: [] },
};

/** Whether nothing leads out of a state. */
export function isFinal(state: HandshakeState): boolean {
  return handshakeStates[state].next.length === 0;
}
