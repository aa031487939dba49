/** What the server's handshake reports to its driver. */
import type { NbdError } from '@nbdjs/interfaces';
import type { ExportOffer, ServedFacts } from './offer.ts';

/** What happened in the handshake, and what the driver has to do next. `type` tells the variants apart. */
export type ServerHandshakeEvent =
  /** Answer with `offer`: which export has this name? */
  | { readonly type: 'export-wanted'; readonly exportName: string; readonly purpose: ExportPurpose }
  /** Answer with `list`: which exports are there? */
  | { readonly type: 'list-wanted' }
  /** Send what `takeOutput` gives, upgrade the transport to TLS, then call `tlsEstablished()`, or `ended(cause)`. */
  | { readonly type: 'tls-upgrade' }
  /** Final: the next byte belongs to the transmission phase. */
  | { readonly type: 'established'; readonly facts: ServedFacts; readonly offer: ExportOffer }
  /** Final: the client has left by `ABORT`. Send what `takeOutput` still gives, then close. */
  | { readonly type: 'ended' }
  /** Final: send what `takeOutput` still gives, then close. */
  | { readonly type: 'failed'; readonly error: NbdError };

/** What an export is asked for: to open it, to describe it, or to name its metadata contexts. */
export type ExportPurpose = 'open' | 'info' | 'contexts';
