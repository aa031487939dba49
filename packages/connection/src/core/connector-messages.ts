/** What a connector in another thread, and the one that stands for it, tell each other by a port. */
import type { ExportFacts, PeerDescription } from '@nbdjs/interfaces';
import type { ErrorRecord } from '@nbdjs/kit';
import type { PortLike } from '@nbdjs/transport/core';

/** From the caller's thread. `id` tells the calls apart. */
export type ConnectorOrder =
  | { readonly type: 'establish'; readonly id: number; readonly wait: boolean }
  | { readonly type: 'abort'; readonly id: number }
  | { readonly type: 'retry'; readonly on: boolean }
  | { readonly type: 'release' };

/** The answer to `establish`: a connection, whose bytes cross by a port of their own, or why there is none. */
export type ConnectorAnswer =
  | {
      readonly type: 'established';
      readonly id: number;
      readonly facts: ExportFacts;
      readonly excess: Uint8Array;
      readonly peer: PeerDescription;
      readonly port: PortLike;
    }
  | { readonly type: 'failed'; readonly id: number; readonly error: ErrorRecord };
