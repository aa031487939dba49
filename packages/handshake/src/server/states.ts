/**
 * The states of the server's handshake and the transitions between them, in one table, from which the diagram in the README is made.
 *
 * Three states are final: `transmission` (an export is open), `ended` (the client left by `NBD_OPT_ABORT`) and `failed`.
 */
import type { StateRow } from '../script/state-row.ts';

/** A state of the server's handshake. Those in which `turn` is `none` are final. */
export type ServerHandshakeState =
  /** The greeting is sent, and the client's flags are awaited. */
  | 'greeting'
  /** The client's next option is awaited. */
  | 'option'
  /** The driver was asked for an export, or for a list of them. */
  | 'answering'
  /** `STARTTLS` was acknowledged: no byte may pass until the transport has upgraded. */
  | 'tls'
  /** Final: the next byte belongs to the transmission phase. */
  | 'transmission'
  /** Final: the client left. */
  | 'ended'
  /** Final: the handshake has failed. */
  | 'failed';

/** Who acts: the client, or the driver of the machine (a question or an upgrade is open). In a final state, `none`. */
export type ServerHandshakeTurn = 'client' | 'driver' | 'none';

/** The states of the server's handshake: who acts in each, and which states can follow. */
export const serverHandshakeStates: Readonly<
  Record<ServerHandshakeState, StateRow<ServerHandshakeState, ServerHandshakeTurn>>
> = {
  greeting: {
    turn: 'client',
    next: { option: 'flags', answering: 'oldstyle', failed: 'error' },
  },
  option: {
    turn: 'client',
    next: {
      answering: 'LIST, or an option about an export',
      tls: 'STARTTLS acknowledged',
      ended: 'ABORT',
      failed: 'error',
    },
  },
  answering: {
    turn: 'driver',
    next: {
      option: 'answered or refused',
      transmission: 'GO or EXPORT_NAME granted, oldstyle',
      failed: 'error',
    },
  },
  tls: { turn: 'driver', next: { option: 'tlsEstablished()', failed: 'error' } },
  transmission: { turn: 'none', next: {} },
  ended: { turn: 'none', next: {} },
  failed: { turn: 'none', next: {} },
};
