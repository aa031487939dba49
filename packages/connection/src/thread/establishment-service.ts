/** What the establishment thread does: attempts for many connectors, and bytes for the connections that it keeps. */
import { MessageChannel, type Transferable } from 'node:worker_threads';
import type { HandshakeEvents } from '@nbdjs/handshake';
import type { ByteChannel, Established, Trace } from '@nbdjs/interfaces';
import { toErrorRecord } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import { detachDescriptor } from '@nbdjs/transport';
import { connectLoopOptions } from '../attempts/attempt-settings.ts';
import { ConnectLoop } from '../attempts/connect-loop.ts';
import type { ConnectionEvents } from '../events.ts';
import { LinkMemoryPool } from '../kept/link-memory-pool.ts';
import { PollLoop } from '../kept/poll-loop.ts';
import type { RingSizes } from '../kept/ring-link.ts';
import { WorkerEnd } from '../kept/worker-end.ts';
import { eventRecord } from './event-record.ts';
import type { ThreadDelivery, ThreadDeliveryMessage, ThreadOrder, ThreadReport } from './thread-messages.ts';

export type Post = (report: ThreadReport, transfer: readonly Transferable[]) => void;

interface Client {
  readonly loop: ConnectLoop<Established>;
  readonly delivery: ThreadDelivery;
  readonly rings: RingSizes;
  isTraced: boolean;
}

export class EstablishmentService {
  readonly #post: Post;
  readonly #clients = new Map<number, Client>();
  /** The waits that can be cancelled, by request. */
  readonly #waits = new Map<number, AbortController>();
  readonly #memoryPool = new LinkMemoryPool();
  readonly #pollLoop = new PollLoop();
  #hasSubscribers = false;
  /** Takes the events of attempts to the main thread. */
  readonly #trace: Trace<ConnectionEvents>;

  constructor(post: Post) {
    this.#post = post;
    const hasSubscribers = () => this.#hasSubscribers;
    this.#trace = {
      get enabled() {
        return hasSubscribers();
      },
      emit: (event, fields) => post({ type: 'event', ...eventRecord(event, fields) }, []),
    };
  }

  /** Carries out an order; orders of unknown types are ignored. */
  hear(order: ThreadOrder): void {
    switch (order.type) {
      case 'create':
        this.#create(order);
        break;
      case 'establish':
        void this.#establish(order);
        break;
      case 'cancel':
        this.#waits.get(order.request)?.abort();
        break;
      case 'retry':
        this.#clients.get(order.connector)?.loop.retry(order.on);
        break;
      case 'release':
        this.#release(order.connector);
        break;
      case 'recycle':
        this.#memoryPool.giveBack(order.memory);
        break;
      case 'finish':
        for (const connector of this.#clients.keys()) this.#release(connector);
        break;
    }
  }

  #create({ connector, settings, delivery, rings }: Extract<ThreadOrder, { type: 'create' }>): void {
    const clients = this.#clients;
    const trace: Trace<HandshakeEvents> = {
      get enabled() {
        return clients.get(connector)?.isTraced ?? false;
      },
      emit: (event, fields) => this.#post({ type: 'handshake-event', connector, event, fields }, []),
    };
    const handshake = { ...settings.handshake, trace };
    const context = { clock: systemClock, trace: this.#trace };
    const loop = new ConnectLoop(connectLoopOptions({ ...settings, handshake }, context));
    clients.set(connector, { loop, delivery, rings, isTraced: false });
  }

  #release(connector: number): void {
    this.#clients.get(connector)?.loop.release();
    this.#clients.delete(connector);
  }

  async #establish({
    connector,
    request,
    wait,
    subscribers,
  }: Extract<ThreadOrder, { type: 'establish' }>): Promise<void> {
    const client = this.#clients.get(connector);
    if (client === undefined) return;
    this.#hasSubscribers = subscribers.attempts;
    client.isTraced = subscribers.handshake;
    const controller = new AbortController();
    this.#waits.set(request, controller);
    try {
      const established = await client.loop.establish({ wait, signal: controller.signal });
      this.#deliver(client, connector, request, established);
    } catch (error) {
      if (!controller.signal.aborted)
        this.#post({ type: 'failed', connector, request, error: toErrorRecord(error) }, []);
    } finally {
      this.#waits.delete(request);
    }
  }

  /**
   * Hands a connection over, or keeps it where that is impossible. The descriptor is duplicated, ours is closed and the number is
   * posted in one turn, so that no other code sees the descriptor in between.
   */
  #deliver({ delivery, rings }: Client, connector: number, request: number, established: Established): void {
    const { channel, facts, excess } = established;
    const about = { connector, request, peer: channel.peer, facts, excess };
    const detached = delivery === 'handed-over' ? detachDescriptor(channel) : undefined;
    const [message, transfer]: [ThreadDeliveryMessage, Transferable[]] =
      detached === undefined
        ? this.#keep(channel, rings, about)
        : [{ type: 'handed-over', ...about, fd: detached.fd }, []];
    this.#post(message, transfer);
  }

  /** Puts two rings between a channel and the caller. */
  #keep(
    channel: ByteChannel,
    rings: RingSizes,
    about: Omit<Extract<ThreadDeliveryMessage, { type: 'kept' }>, 'type' | 'port' | 'memory'>,
  ): [ThreadDeliveryMessage, Transferable[]] {
    const { port1, port2 } = new MessageChannel();
    const memory = this.#memoryPool.take(rings);
    new WorkerEnd(channel, memory, port1, this.#pollLoop);
    return [{ type: 'kept', ...about, port: port2, memory }, [port2]];
  }
}
