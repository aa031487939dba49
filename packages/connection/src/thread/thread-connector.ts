/** Connections made by the establishment thread. */
import { closeSync } from 'node:fs';
import type { HandshakeEvents } from '@nbdjs/handshake';
import {
  type ByteChannel,
  ConnectError,
  type Connector,
  type Established,
  type EstablishOptions,
  type Trace,
  UsageError,
} from '@nbdjs/interfaces';
import { copyError, fromErrorRecord } from '@nbdjs/kit';
import { capabilities } from '@nbdjs/syscalls';
import { adoptDescriptor } from '@nbdjs/transport';
import { type AttemptSettings, nameOfSettings, plainSettings } from '../attempts/attempt-settings.ts';
import {
  resolveSettings,
  type ThreadConnectorOptions,
  type ThreadConnectorSettings,
  threadConnectorOptions,
} from '../connectors/connector-options.ts';
import { connectionTrace, handshakeTrace } from '../diagnostics.ts';
import { CallerEnd } from '../kept/caller-end.ts';
import { IdleConnection } from '../negotiation/idle-connection.ts';
import { named } from '../negotiation/named-error.ts';
import { EstablishmentThread, type ThreadClient } from './establishment-thread.ts';
import { eventFromRecord } from './event-record.ts';
import { SpreadConnector } from './spread-connector.ts';
import type { ThreadDelivery, ThreadDeliveryMessage } from './thread-messages.ts';
import { workerUrlDefault } from './worker-url.ts';

/** Why there is no thread, where there is none. */
export const noWorker = 'the file of the worker of @nbdjs/connection is not beside its module';

/**
 * The threads of each worker's file. The first of them serves all connectors of a process that use the same file; the others take part
 * only where the bytes of connections stay on a thread.
 */
const threads = new Map<string, Map<number, EstablishmentThread>>();

let connectorCount = 0;
let requestCount = 0;

/**
 * Makes a connector whose attempts go on in another thread, even while the caller's thread is busy. The thread is started on first
 * use and shared by all connectors. It keeps the process alive only while a caller waits for a connection.
 *
 * @throws UsageError `ERR_NBD_NOT_SUPPORTED` for an endpoint that cannot be reached from another thread, or when there is no worker's
 *   file; `ERR_NBD_ARGUMENT` for an option that is unknown, missing or wrong.
 */
export function createThreadConnector(options: ThreadConnectorOptions): Connector {
  const settings = resolveSettings('createThreadConnector', threadConnectorOptions, options);
  return threadConnector(settings, settings.delivery ?? threadDeliveryDefault());
}

/** The same for settings that are resolved, and a delivery that is possible. */
export function threadConnector(
  settings: Omit<ThreadConnectorSettings, 'delivery'>,
  delivery: ThreadDelivery,
): Connector {
  // Where sockets are handed over, a thread has no more to do than one can.
  if (delivery === 'handed-over' || settings.threadsMax === 1) return new ThreadConnector(settings, delivery, 0);
  const connectors = Array.from(
    { length: settings.threadsMax },
    (_, index) => new ThreadConnector(settings, delivery, index),
  );
  return new SpreadConnector(connectors);
}

/** Returns the delivery when none is asked for. */
export function threadDeliveryDefault(): ThreadDelivery {
  return capabilities().duplicateDescriptor ? 'handed-over' : 'kept';
}

/** Returns one of the threads of a worker's file, running or not. Internal: tests look at it. */
export function establishmentThread(
  workerUrl: URL | undefined = workerUrlDefault(),
  index: number = 0,
): EstablishmentThread {
  if (workerUrl === undefined) {
    const message = `${noWorker}, expected workerUrl or delivery 'inline'`;
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
  }
  const siblings = threads.get(workerUrl.href) ?? new Map<number, EstablishmentThread>();
  threads.set(workerUrl.href, siblings);
  const thread = siblings.get(index) ?? newThread(workerUrl);
  siblings.set(index, thread);
  return thread;
}

function newThread(workerUrl: URL): EstablishmentThread {
  const thread: EstablishmentThread = new EstablishmentThread(workerUrl, {
    event: (record) => {
      const { event, fields } = eventFromRecord(record);
      connectionTrace.emit(event, fields);
    },
    unclaimed: (report) => receive(report, thread).destroy(),
  });
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
  readonly #settings: Omit<ThreadConnectorSettings, 'delivery'>;
  /** The part of the settings that is posted to the thread. */
  readonly #plainSettings: AttemptSettings;
  readonly #delivery: ThreadDelivery;
  readonly #thread: EstablishmentThread;
  readonly #requests = new Map<number, Request>();
  /** A connection that came when no caller waited for it any more. */
  #idle: IdleConnection | undefined;
  #retry = false;
  /** Whether this connector has been sent to the thread. */
  #isIntroduced = false;
  #isReleased = false;

  constructor(settings: Omit<ThreadConnectorSettings, 'delivery'>, delivery: ThreadDelivery, threadIndex: number) {
    const { endpoint, workerUrl } = settings;
    this.#name = nameOfSettings(settings);
    if (endpoint.type === 'command' || endpoint.type === 'descriptor') {
      const message = `${this.#name}: an endpoint of type '${endpoint.type}' belongs to this thread, expected delivery 'inline'`;
      throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
    }
    this.#settings = settings;
    this.#plainSettings = plainSettings(settings);
    this.#delivery = delivery;
    this.#thread = establishmentThread(workerUrl, threadIndex);
  }

  async establish({ wait, signal }: EstablishOptions): Promise<Established> {
    if (this.#isReleased) throw this.#releasedError();
    signal?.throwIfAborted();
    const idle = this.#takeIdle();
    if (idle !== undefined) return idle.take();
    this.#introduce();
    return await this.#request(wait, signal);
  }

  retry(on: boolean): void {
    this.#retry = on;
    if (this.#isIntroduced) this.#thread.send({ type: 'retry', connector: this.#id, on });
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    if (this.#isIntroduced) this.#thread.send({ type: 'release', connector: this.#id });
    this.#thread.detach(this.#id);
    this.#idle?.discard();
    this.#idle = undefined;
    for (const request of [...this.#requests.values()]) request.reject(this.#releasedError());
  }

  hear(report: Parameters<ThreadClient['hear']>[0]): void {
    if (report.type === 'failed') {
      this.#requests.get(report.request)?.reject(fromErrorRecord(report.error));
    } else if (report.type === 'handshake-event') {
      this.#handshakeTrace.emit(report.event, report.fields);
    } else {
      this.#accept(report);
    }
  }

  lost(cause: Error): void {
    this.#isIntroduced = false;
    for (const request of [...this.#requests.values()]) request.reject(named(copyError(cause), this.#name));
  }

  get #handshakeTrace(): Trace<HandshakeEvents> {
    return this.#settings.handshake.trace ?? handshakeTrace;
  }

  /** Sends this connector to the thread, again if it is a new thread. */
  #introduce(): void {
    if (this.#isIntroduced) return;
    const connector = this.#id;
    const { rings } = this.#settings;
    this.#thread.attach(connector, this);
    this.#thread.send({ type: 'create', connector, settings: this.#plainSettings, delivery: this.#delivery, rings });
    if (this.#retry) this.#thread.send({ type: 'retry', connector, on: true });
    this.#isIntroduced = true;
  }

  #request(wait: boolean, signal: AbortSignal | undefined): Promise<Established> {
    const thread = this.#thread;
    const request = requestCount++;
    const subscribers = { attempts: connectionTrace.enabled, handshake: this.#handshakeTrace.enabled };
    thread.send({ type: 'establish', connector: this.#id, request, wait, subscribers });
    // A thread that is still starting has no connection ready, and a caller that does not wait does not wait for the thread either.
    if (!wait && !thread.isReady) return Promise.reject(this.#noneYetError());
    return new Promise((resolve, reject) => {
      const endWait = () => {
        this.#requests.delete(request);
        signal?.removeEventListener('abort', onAbort);
        thread.addPending(-1);
      };
      const onAbort = () => {
        thread.send({ type: 'cancel', request });
        endWait();
        reject(signal?.reason);
      };
      this.#requests.set(request, {
        wait,
        resolve: (established) => {
          endWait();
          resolve(established);
        },
        reject: (reason) => {
          endWait();
          reject(reason);
        },
      });
      signal?.addEventListener('abort', onAbort, { once: true });
      thread.addPending(1);
    });
  }

  /** Gives a connection to the request that it was made for, else to one that waits now, else keeps it for the next call. */
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
    if (request !== undefined) request.resolve({ channel, facts, excess });
    else this.#offer(new IdleConnection(channel, facts, excess));
  }

  #offer(idle: IdleConnection): void {
    const [waiting] = [...this.#requests].find(([, { wait }]) => wait) ?? [];
    if (waiting !== undefined) {
      // The attempt that was started for this request goes on, and its connection is kept for the next call.
      this.#thread.send({ type: 'cancel', request: waiting });
      this.#requests.get(waiting)?.resolve(idle.take());
    } else if (this.#idle?.usable) {
      idle.discard();
    } else {
      this.#idle?.discard();
      this.#idle = idle;
    }
  }

  #takeIdle(): IdleConnection | undefined {
    const idle = this.#idle;
    this.#idle = undefined;
    if (idle === undefined || idle.usable) return idle;
    idle.discard();
    return undefined;
  }

  #noneYetError(): ConnectError {
    return new ConnectError('ERR_NBD_CONNECT_NONE_YET', `${this.#name}: no connection yet, the attempt goes on`);
  }

  #releasedError(): UsageError {
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
