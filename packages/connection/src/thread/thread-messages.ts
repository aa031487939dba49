/**
 * The messages between the main thread and the establishment thread. All of it is plain data. Errors travel as records,
 * because structured clone loses their class and code. Both sides ignore messages of other types.
 */
import type { MessagePort } from 'node:worker_threads';
import type { HandshakeEvents } from '@nbdjs/handshake';
import type { ExportFacts, PeerDescription } from '@nbdjs/interfaces';
import type { ErrorRecord } from '@nbdjs/kit';
import type { AttemptSettings } from '../attempts/attempt-settings.ts';
import type { LinkMemory, RingSizes } from '../kept/ring-link.ts';
import type { EventRecord } from './event-record.ts';

/** How a connection crosses: its descriptor is handed over, or the thread keeps it and only its bytes cross. */
export type ThreadDelivery = 'handed-over' | 'kept';

/** To the thread. The main thread numbers connectors and requests, and uses no number twice. */
export type ThreadOrder =
  | {
      readonly type: 'create';
      readonly connector: number;
      readonly settings: AttemptSettings;
      readonly delivery: ThreadDelivery;
      readonly rings: RingSizes;
    }
  | {
      readonly type: 'establish';
      readonly connector: number;
      readonly request: number;
      readonly wait: boolean;
      /** Whether the events of attempts, and those of the handshake, have subscribers. */
      readonly subscribers: { readonly attempts: boolean; readonly handshake: boolean };
    }
  /** Ends the wait of a request, not the attempt. */
  | { readonly type: 'cancel'; readonly request: number }
  | { readonly type: 'retry'; readonly connector: number; readonly on: boolean }
  | { readonly type: 'release'; readonly connector: number }
  /** Memory of a kept connection that is over, to be used again. */
  | { readonly type: 'recycle'; readonly memory: LinkMemory }
  /** End the thread: no connector is left. */
  | { readonly type: 'finish' };

/** A negotiated connection for a request. */
interface Delivered {
  readonly connector: number;
  readonly request: number;
  readonly peer: PeerDescription;
  readonly facts: ExportFacts;
  readonly excess: Uint8Array;
}

export type ThreadDeliveryMessage =
  /** The receiver owns `fd`, and adopts or closes it. */
  | (Delivered & { readonly type: 'handed-over'; readonly fd: number })
  | (Delivered & { readonly type: 'kept'; readonly port: MessagePort; readonly memory: LinkMemory });

/** From the thread. */
export type ThreadReport =
  /** The first message: orders are understood from now on. */
  | { readonly type: 'ready' }
  | ThreadDeliveryMessage
  | { readonly type: 'failed'; readonly connector: number; readonly request: number; readonly error: ErrorRecord }
  /** An event of attempts. */
  | ({ readonly type: 'event' } & EventRecord)
  /** An event of a connector's handshake. */
  | {
      readonly type: 'handshake-event';
      readonly connector: number;
      readonly event: keyof HandshakeEvents;
      readonly fields: HandshakeEvents[keyof HandshakeEvents];
    };
