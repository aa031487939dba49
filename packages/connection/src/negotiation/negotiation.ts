/** Option mode as callers see it. */
import type { AvoidableOption } from '@nbdjs/handshake';
import type {
  Established,
  ExportFacts,
  HandshakeStyle,
  HeaderMode,
  PeerDescription,
  SelectedContext,
} from '@nbdjs/interfaces';
import type { ExportEntry } from '@nbdjs/protocol';

/**
 * A server that awaits options. One option may be outstanding at a time, and has the time limit `timeoutMs`.
 *
 * Every call may throw NegotiationError (the server has refused, and the next option may be sent). When the connection is lost, it throws
 * ConnectError, ProtocolError or TimeoutError; for a call out of turn, UsageError.
 */
export interface Negotiation {
  /** The server, for messages and facts. */
  readonly peer: PeerDescription;
  /** How the handshake went. With `newstyle`, of the options only `go` and `abort` can be used. */
  readonly style: HandshakeStyle;
  /** The headers of the transmission phase, as agreed on before the first option of the caller. */
  readonly mode: HeaderMode;
  /** Whether the connection travels in TLS. */
  readonly tls: boolean;
  /** Options that are not sent, because the server has failed at them on an earlier connection. */
  readonly avoided: readonly AvoidableOption[];
  /** Returns the exports (`NBD_OPT_LIST`). A server of the oldstyle handshake has one, without a name. */
  list(): Promise<readonly ExportEntry[]>;
  /** Returns the facts of an export without opening it (`NBD_OPT_INFO`). */
  info(exportName: string): Promise<ExportFacts>;
  /** Returns the metadata contexts that match the queries (`NBD_OPT_LIST_META_CONTEXT`); without a query, all. */
  listMetaContexts(exportName: string, queries?: readonly string[]): Promise<readonly string[]>;
  /** Selects metadata contexts for the export that is opened next (`NBD_OPT_SET_META_CONTEXT`). */
  setMetaContexts(exportName: string, queries: readonly string[]): Promise<readonly SelectedContext[]>;
  /** Opens an export (`NBD_OPT_GO`). The caller owns the connection from then on, and no call may follow. */
  go(exportName: string): Promise<Established>;
  /** Ends the negotiation (`NBD_OPT_ABORT`), and waits for the server's answer. */
  abort(): Promise<void>;
  /** Closes the connection, unless an export was opened. May be called at any time, and more than once. */
  close(): void;
}
