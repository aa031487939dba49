/** Connections made by the establishment thread. */
import { closeSync } from 'node:fs';
import {
  type ByteChannel,
  ConnectError,
  type Connector,
  type Established,
  type EstablishOptions,
  UsageError,
} from '@nbdjs/interfaces';
import { fromErrorRecord } from '@nbdjs/kit';
import { capabilities } from '@nbdjs/syscalls';
import { adoptDescriptor } from '@nbdjs/transport';
import { type AttemptSettings, nameOfSettings } from '../attempts/attempt-settings.ts';
import { anybodyListens, publish } from '../diagnostics.ts';
import { CallerEnd } from '../kept/caller-end.ts';
import type { RingSizes } from '../kept/ring-link.ts';
import { IdleConnection } from '../negotiation/idle-connection.ts';
import { cloneError, named } from '../negotiation/named-error.ts';
import { resolveTlsMode } from '../tls.ts';
import { EstablishmentThread, type ThreadClient } from './establishment-thread.ts';
import type { ThreadDelivery, ThreadDeliveryMessage } from './thread-messages.ts';
import { workerUrlDefault } from './worker-url.ts';

export interface ThreadConnectorOptions extends AttemptSettings {
  /**
   * `handed-over`: the socket itself comes to the caller's thread, and nothing of the other thread stays in the way.
   * `kept`: the socket stays on the other thread, and bytes cross through shared memory.
   *
   * @default `handed-over` where descriptors can be duplicated, else `kept`
   */
  readonly delivery?: ThreadDelivery | undefined;
  /** How many bytes may be under way when the connection is kept. */
  readonly rings?: RingSizes | undefined;
  /** The worker's file, for bundlers: a copy of `@nbdjs/connection/worker`. @default the one that comes with this package */
  readonly workerUrl?: URL | undefined;
}

/** Why there is no thread, where there is none. */
export const noWorker = 'the file of the worker of @nbdjs/connection is not beside its module';

/** One thread serves all connectors of a process (of a worker's file, strictly speaking). */
const threads = new Map<string, EstablishmentThread>();

let connectorCount = 0;
let requestCount = 0;

/**
 * Makes a connector whose attempts go on in a thread of their own, whatever the caller's thread is busy with. The thread
 * is started on first use and shared; it keeps the process alive only while somebody waits for a connection.
 *
 * @throws UsageError for an endpoint that cannot be reached from another thread, or when there is no worker's file.
 */
export function createThreadConnector(options: ThreadConnectorOptions): Connector {
  return new ThreadConnector(resolveTlsMode(options));
}

/** The delivery when none is asked for. */
export function threadDeliveryDefault(): ThreadDelivery {
  return capabilities().duplicateDescriptor ? 'handed-over' : 'kept';
}

/** The thread behind a worker's file, running or not. Internal: tests look at it. */
export function establishmentThread(workerUrl: URL | undefined = workerUrlDefault()): EstablishmentThread {
  if (workerUrl === undefined) {
    const message = `${noWorker}, expected workerUrl or delivery 'inline'`;
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
  }
  let thread = threads.get(workerUrl.href);
  if (thread === undefined) {
    const started: EstablishmentThread = new EstablishmentThread(workerUrl, {
      event: ({ event }) =>
        publish(event.type === 'failed' ? { ...event, error: fromErrorRecord(event.error) } : event),
      orphan: (report) => receive(report, started).destroy(),
    });
    threads.set(workerUrl.href, started);
    thread = started;
  }
  return thread;
}

interface Request {
  readonly wait: boolean;
  resolve(established: Established): void;
  reject(reason: unknown): void;
}

class ThreadConnector implements Connector, ThreadClient {
  readonly #id = connectorCount++;
  readonly #name: string;
  readonly #options: ThreadConnectorOptions;
  /** What the thread gets to know: plain data only. */
  readonly #settings: AttemptSettings;
  readonly #thread: EstablishmentThread;
  readonly #requests = new Map<number, Request>();
  /** A connection that came when nobody waited for it any more. */
  #stray: IdleConnection | undefined;
  #retry = false;
  #isKnown = false;
  #isReleased = false;

  constructor(options: ThreadConnectorOptions) {
    const { endpoint, handshake, tls, connectTimeoutMs, handshakeTimeoutMs } = options;
    const { stopOnPermanent, awaitExport, openTimeoutMs, openAttemptsMax } = options;
    this.#name = nameOfSettings(options);
    if (endpoint.type === 'command' || endpoint.type === 'descriptor') {
      const message = `${this.#name}: an endpoint of type '${endpoint.type}' belongs to this thread, expected delivery 'inline'`;
      throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
    }
    this.#options = options;
    this.#settings = structuredClone({
      endpoint,
      handshake: { ...handshake, trace: undefined },
      tls,
      connectTimeoutMs,
      handshakeTimeoutMs,
      stopOnPermanent,
      awaitExport,
      openTimeoutMs,
      openAttemptsMax,
    });
    this.#thread = establishmentThread(options.workerUrl);
  }

  async establish({ wait, signal }: EstablishOptions): Promise<Established> {
    if (this.#isReleased) throw this.#released();
    signal?.throwIfAborted();
    const stray = this.#takeStray();
    if (stray !== undefined) return stray.take();
    this.#introduce();
    return await this.#ask(wait, signal);
  }

  retry(on: boolean): void {
    this.#retry = on;
    if (this.#isKnown) this.#thread.send({ type: 'retry', connector: this.#id, on });
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    if (this.#isKnown) this.#thread.send({ type: 'release', connector: this.#id });
    this.#thread.detach(this.#id);
    this.#stray?.discard();
    this.#stray = undefined;
    for (const request of [...this.#requests.values()]) request.reject(this.#released());
  }

  hear(report: Parameters<ThreadClient['hear']>[0]): void {
    if (report.type === 'failed') {
      this.#requests.get(report.request)?.reject(fromErrorRecord(report.error));
    } else if (report.type === 'trace') {
      this.#options.handshake?.trace?.emit(report.event, report.details);
    } else {
      this.#accept(report);
    }
  }

  lost(cause: Error): void {
    this.#isKnown = false;
    for (const request of [...this.#requests.values()]) request.reject(named(cloneError(cause), this.#name));
  }

  /** Makes the thread know this connector, again if it is a new thread. */
  #introduce(): void {
    if (this.#isKnown) return;
    const { rings = {}, delivery = threadDeliveryDefault() } = this.#options;
    this.#thread.attach(this.#id, this);
    const connector = this.#id;
    this.#thread.send({ type: 'create', connector, settings: this.#settings, delivery, rings });
    if (this.#retry) this.#thread.send({ type: 'retry', connector, on: true });
    this.#isKnown = true;
  }

  #ask(wait: boolean, signal: AbortSignal | undefined): Promise<Established> {
    const thread = this.#thread;
    const request = requestCount++;
    const listening = { events: anybodyListens(), trace: this.#options.handshake?.trace?.enabled ?? false };
    thread.send({ type: 'establish', connector: this.#id, request, wait, listening });
    // A thread that is still starting has nothing to offer, and whoever does not want to wait does not wait for it.
    if (!wait && !thread.isReady) return Promise.reject(this.#noneYet());
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#requests.delete(request);
        signal?.removeEventListener('abort', onAbort);
        thread.addPending(-1);
      };
      const onAbort = () => {
        thread.send({ type: 'cancel', request });
        leave();
        reject(signal?.reason);
      };
      this.#requests.set(request, {
        wait,
        resolve: (established) => {
          leave();
          resolve(established);
        },
        reject: (reason) => {
          leave();
          reject(reason);
        },
      });
      signal?.addEventListener('abort', onAbort, { once: true });
      thread.addPending(1);
    });
  }

  /** Gives a connection to whoever asked for it, else to whoever waits for one now, else keeps it for the next. */
  #accept(report: ThreadDeliveryMessage): void {
    const request = this.#requests.get(report.request);
    let channel: ByteChannel;
    try {
      channel = receive(report, this.#thread);
    } catch (error) {
      request?.reject(error);
      return;
    }
    const { facts, excess } = report;
    if (request !== undefined) {
      request.resolve({ channel, facts, excess });
      return;
    }
    const stray = new IdleConnection(channel, facts, excess);
    const [waiting] = [...this.#requests].find(([, { wait }]) => wait) ?? [];
    if (waiting !== undefined) {
      // The attempt that was started for this one goes on, and its fruit is for the next.
      this.#thread.send({ type: 'cancel', request: waiting });
      this.#requests.get(waiting)?.resolve(stray.take());
    } else if (this.#stray?.usable) {
      stray.discard();
    } else {
      this.#stray?.discard();
      this.#stray = stray;
    }
  }

  #takeStray(): IdleConnection | undefined {
    const stray = this.#stray;
    this.#stray = undefined;
    if (stray === undefined || stray.usable) return stray;
    stray.discard();
    return undefined;
  }

  #noneYet(): ConnectError {
    return new ConnectError('ERR_NBD_CONNECT_NONE_YET', `${this.#name}: no connection yet, the attempt goes on`);
  }

  #released(): UsageError {
    return new UsageError('ERR_NBD_CLOSED', `${this.#name}: the connector has been released`);
  }
}

/** Makes a channel of what the thread has delivered. */
function receive(report: ThreadDeliveryMessage, thread: EstablishmentThread): ByteChannel {
  if (report.type === 'handed-over') {
    try {
      return adoptDescriptor(report.fd, report.peer);
    } catch (error) {
      closeSync(report.fd);
      throw error;
    }
  }
  const { memory, port, peer } = report;
  const channel = new CallerEnd(memory, port, peer, () => thread.recycle(memory));
  thread.addKept(1);
  void channel.closed.then(() => thread.addKept(-1));
  return channel;
}
