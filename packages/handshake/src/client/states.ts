/**
 * The states of the client's handshake and the transitions between them, in one table, from which the diagram in the README is made.
 *
 * Three states are final: `transmission` (all went well), `ended` (the client left by `NBD_OPT_ABORT`) and `failed`.
 */
import type { StateRow } from '../script/state-row.ts';

/** A state of the client's handshake. `isFinal` returns whether it is a final one. */
export type HandshakeState =
  /** The server's first bytes are awaited. */
  | 'greeting'
  /** An option is outstanding. */
  | 'option'
  /** `STARTTLS` was acknowledged: no byte may pass until the transport has upgraded. */
  | 'tls'
  /** Option mode: the caller decides which option is next. */
  | 'negotiating'
  /** The answer to `EXPORT_NAME`, which has no header and cannot be an error, is awaited. */
  | 'export-name'
  /** `ABORT` is outstanding. */
  | 'aborting'
  /** Final: the next byte belongs to the transmission phase. */
  | 'transmission'
  /** Final: the client left. */
  | 'ended'
  /** Final: the handshake has failed. */
  | 'failed';

/** Who acts in a state that is not final: the peer, the transport, or the caller of the machine. */
export type HandshakeTurn = 'server' | 'transport' | 'caller';

/** The states of the client's handshake: who acts in each, and which states can follow. */
export const handshakeStates: Readonly<Record<HandshakeState, StateRow<HandshakeState, HandshakeTurn>>> = {
  greeting: {
    turn: 'server',
    next: {
      option: 'fixed newstyle',
      negotiating: 'fixed newstyle, option mode',
      'export-name': 'plain newstyle',
      transmission: 'oldstyle',
      failed: 'error',
    },
  },
  option: {
    turn: 'server',
    next: {
      tls: 'STARTTLS acknowledged',
      negotiating: 'answered, option mode',
      'export-name': 'no GO in the server',
      transmission: 'GO acknowledged',
      failed: 'error',
    },
  },
  tls: {
    turn: 'transport',
    next: {
      option: 'tlsEstablished()',
      negotiating: 'tlsEstablished(), option mode',
      failed: 'error',
    },
  },
  negotiating: {
    turn: 'caller',
    next: {
      option: 'an order of the caller',
      'export-name': 'go(), plain newstyle',
      aborting: 'abort()',
      ended: 'abort(), plain newstyle',
      failed: 'error',
    },
  },
  'export-name': { turn: 'server', next: { transmission: 'answered', failed: 'error' } },
  aborting: { turn: 'server', next: { ended: 'answered, or the end of the stream' } },
  transmission: { turn: 'none', next: {} },
  ended: { turn: 'none', next: {} },
  failed: { turn: 'none', next: {} },
};

/** Whether a state has no transition to another one. */
export function isFinal(state: HandshakeState): boolean {
  return handshakeStates[state].turn === 'none';
}
