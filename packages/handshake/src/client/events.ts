/** What the client's handshake reports to its driver. */
import type {
  ExportFacts,
  HandshakeStyle,
  HeaderMode,
  NbdError,
  NegotiationError,
  SelectedContext,
} from '@nbdjs/interfaces';
import type { ExportEntry } from '@nbdjs/protocol';

/** What happened in the handshake, and what the driver has to do next. `type` tells the variants apart. */
export type HandshakeEvent =
  /** Upgrade the transport to TLS now, then call `tlsEstablished()`, or `ended(cause)` when it fails. */
  | { readonly type: 'tls-upgrade' }
  /** Option mode, once: from here on it is the caller's turn whenever no option is outstanding. */
  | {
      readonly type: 'negotiating';
      readonly style: HandshakeStyle;
      readonly mode: HeaderMode;
      readonly tls: boolean;
    }
  /** Option mode: the server did as asked; it is the caller's turn again. */
  | { readonly type: 'option-done'; readonly option: number; readonly result: OptionResult }
  /** Option mode: the server refused; it is the caller's turn again. */
  | { readonly type: 'option-failed'; readonly option: number; readonly error: NegotiationError }
  /** Final: the transmission phase has begun. `excess` are bytes of it that have already arrived. */
  | { readonly type: 'established'; readonly facts: ExportFacts; readonly excess: Uint8Array }
  /** Final: send what `takeOutput` still returns (a last message to the server), then close. */
  | { readonly type: 'failed'; readonly error: NbdError }
  /** Final, after `abort()`: close. */
  | { readonly type: 'ended' };

/** The result of an option in option mode. */
export type OptionResult =
  /** `startTls`, `structuredReplies`, `extendedHeaders`. */
  | { readonly type: 'acknowledged' }
  /** `list`. */
  | { readonly type: 'exports'; readonly exports: readonly ExportEntry[] }
  /** `info`. */
  | { readonly type: 'info'; readonly facts: ExportFacts }
  /** `setMetaContexts`. */
  | { readonly type: 'contexts'; readonly contexts: readonly SelectedContext[] }
  /** `listMetaContexts`. */
  | { readonly type: 'context-names'; readonly names: readonly string[] };
