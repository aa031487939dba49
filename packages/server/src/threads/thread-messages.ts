/**
 * The messages between a server and its threads. All of it is plain data. Errors travel as records, because structured clone loses their
 * class and code. Both sides ignore messages of other types.
 */
import type { ExportFacts, PeerDescription, TlsPeer } from '@nbdjs/interfaces';
import type { ErrorRecord } from '@nbdjs/kit';
import type { PlaceRefusal } from '../admission/export-places.ts';
import type { ServerEvents } from '../events.ts';
import type { Exported } from '../exports/export-table.ts';
import type { ServerSettings } from '../server-settings.ts';
import type { CutOffReason } from '../statistics/client-counts.ts';

/** What a thread is given when it starts (`workerData`). */
export interface ThreadStart {
  /** Says that the thread belongs to a server. */
  readonly nbdjsServerThread: true;
  /** The number of its place among the threads, from 0. A thread that replaces another one has the same. */
  readonly thread: number;
  readonly threadCount: number;
  readonly settings: ServerSettings;
  /** What the caller has for the function that opens the exports. */
  readonly data: unknown;
  /** For the budget that all threads share. */
  readonly totalMemory: SharedArrayBuffer;
  /** For the counts of the clients that this thread cuts off. */
  readonly cutOffMemory: SharedArrayBuffer;
  readonly isTraced: boolean;
}

/** To a thread. The server numbers sessions and requests, and uses no number twice. */
export type ThreadOrder =
  /** The receiver owns `fd` once it has set `isAdopted` in the memory. */
  | {
      readonly type: 'serve';
      readonly session: number;
      readonly fd: number;
      readonly peer: PeerDescription;
      readonly memory: SharedArrayBuffer;
    }
  /** The answer to `place-wanted`: why there is no place. */
  | { readonly type: 'placed'; readonly session: number; readonly refusal: PlaceRefusal | undefined }
  | { readonly type: 'shut-down'; readonly session: number }
  | { readonly type: 'destroy'; readonly session: number; readonly error: ErrorRecord | undefined }
  | { readonly type: 'cut-off'; readonly session: number; readonly reason: CutOffReason; readonly message: string }
  /** Whether clients wait for a place. */
  | { readonly type: 'places'; readonly areWanted: boolean }
  /** Whether events have subscribers. */
  | { readonly type: 'trace'; readonly isOn: boolean }
  /** Another thread has given memory back. */
  | { readonly type: 'memory-freed' }
  /** Read what TLS needs again, and keep it until `use-tls`. */
  | { readonly type: 'load-tls'; readonly request: number }
  | { readonly type: 'use-tls' }
  /** Close the devices and end: no session is left. */
  | { readonly type: 'finish' };

/** An event with its error as a record. An error that is part of several events has one number. */
export interface EventRecord {
  readonly event: keyof ServerEvents;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly error?: { readonly number: number | undefined; readonly record: ErrorRecord } | undefined;
}

/** From a thread. */
export type ThreadReport =
  /** The exports are open. */
  | ({ readonly type: 'ready' } & Exported)
  /** The exports cannot be opened. */
  | { readonly type: 'failed'; readonly error: ErrorRecord }
  | { readonly type: 'place-wanted'; readonly session: number }
  | { readonly type: 'secured'; readonly session: number; readonly peer: PeerDescription; readonly tls: TlsPeer }
  | { readonly type: 'negotiated'; readonly session: number; readonly facts: ExportFacts }
  | { readonly type: 'gone'; readonly session: number }
  | ({ readonly type: 'event' } & EventRecord)
  | { readonly type: 'memory-freed' }
  | { readonly type: 'tls-loaded'; readonly request: number; readonly error: ErrorRecord | undefined }
  /** The devices are closed. */
  | { readonly type: 'finished' };
