/** The options of a server with threads as data, and what each of its threads serves. */
import { availableParallelism } from 'node:os';
import type { ByteChannel, PeerDescription } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, optionChecks, type SettingsOf } from '@nbdjs/kit';
import { serverOptions } from '../server-options.ts';

/** A client's socket, taken away from a thread: plain data. The receiver owns the descriptor. */
export interface DetachedSocket {
  /** A descriptor of its own. */
  readonly fd: number;
  /** The client as its channel described it. */
  readonly peer: PeerDescription;
}

/** Takes a client's socket away from this thread; `undefined` when that is not possible, and the channel is then as it was. */
export type DetachSocket = (channel: ByteChannel) => DetachedSocket | undefined;

const place = {
  expected: 'a URL, or the path of a file',
  holds: (value: unknown) => optionChecks.text.holds(value) || optionChecks.url.holds(value),
};

/** Threads are never more than this. */
const threadsMax = 256;

export const threadOptions = defineOptions({
  /** The module that each thread runs: it calls `serveThread`. */
  module: option.checked<URL | string>(place, {
    required: true,
    doc: 'The module that each thread runs: it calls `serveThread`.',
  }),
  /** How the sockets of clients leave this thread: `detachDescriptor` of `@nbdjs/transport`, for instance. */
  detach: option.callback<DetachSocket>({
    required: true,
    doc: 'How the sockets of clients leave this thread: `detachDescriptor` of `@nbdjs/transport`.',
  }),
  /** How many threads, 1 to 256. @default as many as the processors that this process may use */
  count: option.count({
    most: threadsMax,
    doc: 'How many threads, 1 to 256.',
    defaultText: 'as many as the processors that this process may use',
  }),
  /** What the module's `open` is given: plain data, and shared memory. @default undefined */
  data: option.checked<unknown>(
    { expected: 'plain data', holds: () => true },
    { doc: "What the module's `open` is given: plain data, and shared memory.", defaultText: 'undefined' },
  ),
  /** How many threads that die are replaced, over the server's life. 0 for none. @default 8 */
  replacementsMax: option.count({
    default: 8,
    zero: 'none',
    doc: "How many threads that die are replaced, over the server's life.",
  }),
  /** How long a thread may take to open its exports. In milliseconds. @default 30000 */
  startMs: option.wholeMilliseconds({ default: 30_000, doc: 'How long a thread may take to open its exports.' }),
});

/** How the sessions of a server are spread over threads. */
export interface ThreadOptions extends OptionsOf<typeof threadOptions> {}

export interface ThreadSettings extends Omit<SettingsOf<typeof threadOptions>, 'count'> {
  readonly count: number;
}

/** A clock and a way to defer cannot be sent to threads, which open exports and TLS themselves. */
const {
  exports: ownExports,
  tls: ownTls,
  nextTurn: _nextTurn,
  clock: _clock,
  ...sharedOptions
} = serverOptions.definitions;

export const threadedServerOptions = defineOptions({
  ...sharedOptions,
  /** How the sessions are spread over threads. */
  threads: option.object<ThreadOptions>({ required: true, doc: 'How the sessions are spread over threads.' }),
});

/** What a server with threads offers, and within which limits. What it exports, and TLS, are up to the module of its threads. */
export interface ThreadedServerOptions extends OptionsOf<typeof threadedServerOptions> {}

export const threadServingOptions = defineOptions({
  /** As the option of `createServer` of that name. */
  exports: ownExports,
  /** As the option of `createServer` of that name: each thread has its own. @default no TLS */
  tls: ownTls,
  /**
   * The devices of all threads are one storage: what one of them has written all of them read, and a flush of one covers the writes of all.
   * Otherwise clients are not told that they may open several connections, unless an export says `multiConn: true`. @default false
   */
  sharesStorage: option.boolean({ default: false, doc: 'The devices of all threads are one storage.' }),
  /** Called when the thread ends and no client is left: closes the devices. */
  close: option.callback<() => void | Promise<void>>({ doc: 'Called when the thread ends: closes the devices.' }),
});

/** What one thread serves. The exports have to be the same in all threads. */
export interface ThreadServing extends OptionsOf<typeof threadServingOptions> {}

/** Where a thread is among the others. */
export interface ThreadPlace {
  /** From 0. A thread that replaces another one has the same number. */
  readonly thread: number;
  /** How many threads there are. */
  readonly threadCount: number;
}

/** How a thread serves its clients. */
export interface ThreadDefinition<Data> {
  /**
   * Takes over the socket of a client by its descriptor: `adoptDescriptor` of `@nbdjs/transport`, for instance.
   *
   * @throws when the descriptor is not a socket; the descriptor then still belongs to the caller.
   */
  readonly adopt: (fd: number, peer: PeerDescription) => ByteChannel;
  /** Opens the exports. `data` is what the server was given for its threads. */
  open(data: Data, place: ThreadPlace): ThreadServing | Promise<ThreadServing>;
}

/** @throws UsageError for an option that is unknown, missing or wrong. */
export function resolveThreads(given: ThreadOptions): ThreadSettings {
  const settings = threadOptions.resolve('createThreadedServer: threads', given);
  return { ...settings, count: settings.count ?? Math.min(threadsMax, availableParallelism()) };
}
