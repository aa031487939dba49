/** Option mode, as its users see it. */

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
 * A server that awaits options. One may be outstanding at a time; each has the deadline `timeoutMs`.
 *
 * Every call may throw NegotiationError (the server refused, and the next option may be sent), or, when the connection is
 * gone, ConnectError, ProtocolError or TimeoutError; UsageError for a call out of turn.
 */
export interface Negotiation {
  readonly peer: PeerDescription;
  readonly style: HandshakeStyle;
  readonly mode: HeaderMode;
  readonly tls: boolean;
  /** Options that are not sent, because the server has shown on a connection before that it cannot stand them. */
  readonly avoided: readonly AvoidableOption[];
  /** Which exports there are. A server of the oldstyle handshake has one, without a name. */
  list(): Promise<readonly ExportEntry[]>;
  /** What there is to know about an export, without opening it. */
  info(exportName: string): Promise<ExportFacts>;
  /** Which metadata contexts fit the queries; no query means all that there are. */
  listMetaContexts(exportName: string, queries?: readonly string[]): Promise<readonly string[]>;
  /** Selects metadata contexts for an export that is to be opened. */
  setMetaContexts(exportName: string, queries: readonly string[]): Promise<readonly SelectedContext[]>;
  /** Opens an export. The connection is the caller's from then on, and this object is done with. */
  go(exportName: string): Promise<Established>;
  /** Says goodbye and waits for the server to take note. */
  abort(): Promise<void>;
  /** Hangs up. May be called more than once, and after everything else. */
  close(): void;
}
