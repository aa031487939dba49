/**
 * A proxy that loses, delays and corrupts: between real clients and real servers, over Unix sockets and TCP. Its faults are planned
 * for each connection, or caused by calls while it runs, and are the same in every run.
 */

import { connect, createServer, type Server, type Socket } from 'node:net';
import { seededRandom } from '@nbdjs/conformance';
import type { SocketAddress } from '@nbdjs/conformance/connector';
import { ChaosPipe, type ChaosPipePlan, type ChaosTotal } from './chaos-pipe.ts';
import { listenAt, nodeAddress, uriAt } from './socket-address.ts';

/** How a connection is cut: both sides get an orderly end, or an end as after a crash (a reset on TCP). */
export type ChaosCut = 'close' | 'reset';

export interface ChaosPlan {
  /**
   * `connect`: on to the target. `silent`: taken, never read from and never answered. `drop`: taken and ended at once.
   * @default 'connect'
   */
  readonly accept?: 'connect' | 'silent' | 'drop' | undefined;
  /** From the client to the server. */
  readonly up?: ChaosPipePlan | undefined;
  /** From the server to the client. */
  readonly down?: ChaosPipePlan | undefined;
  /** How it ends where a pipe's plan says so. @default 'close' */
  readonly cut?: ChaosCut | undefined;
}

export interface ChaosProxyOptions {
  readonly listen: SocketAddress;
  readonly target: SocketAddress;
  /** What happens to each connection; `index` counts them from 0, `random` goes by the seed. @default nothing */
  readonly plan?: ((index: number, random: () => number) => ChaosPlan) | undefined;
  /** So many connections are taken before any goes on to the target, the last one first. @default 1 */
  readonly reorder?: number | undefined;
  /** @default 1 */
  readonly seed?: number | undefined;
}

/** One connection, in both directions. */
export class ChaosConnection {
  readonly up: ChaosPipe;
  readonly down: ChaosPipe;
  isOver = false;
  readonly #client: Socket;
  readonly #server: Socket;

  constructor(client: Socket, server: Socket, plan: ChaosPlan, totals: { up: ChaosTotal; down: ChaosTotal }) {
    this.#client = client;
    this.#server = server;
    const cut = (): void => this.cut(plan.cut);
    const over = (): void => {
      if (this.up.isOver && this.down.isOver) this.cut('close');
    };
    this.up = new ChaosPipe(client, server, plan.up ?? {}, totals.up, { cut, over });
    this.down = new ChaosPipe(server, client, plan.down ?? {}, totals.down, { cut, over });
    // A reset goes on as one at once, unless bytes are before it.
    client.on('error', () => this.up.isIdle && this.cut('reset'));
    server.on('error', () => this.down.isIdle && this.cut('reset'));
    this.up.start();
    if (!this.isOver) this.down.start();
  }

  /** Ends both sides; what has passed still arrives, if it is not a reset. */
  cut(how: ChaosCut = 'close'): void {
    if (this.isOver) return;
    this.isOver = true;
    this.up.stop();
    this.down.stop();
    for (const socket of [this.#client, this.#server]) end(socket, how);
  }
}

export class ChaosProxy implements AsyncDisposable {
  /** All that were ever connected to the target, in that order. */
  readonly connections: ChaosConnection[] = [];
  /** For each direction: bytes of all connections together, and at how many the connection at work is cut. */
  readonly totals = {
    up: { bytes: 0, cutAt: Number.POSITIVE_INFINITY },
    down: { bytes: 0, cutAt: Number.POSITIVE_INFINITY },
  };
  /** For connections to come; so is the plan. */
  target: SocketAddress;
  plan: (index: number, random: () => number) => ChaosPlan;
  /** Connections that were ever accepted. */
  acceptedCount = 0;
  readonly #random: () => number;
  readonly #reorder: number;
  readonly #sockets = new Set<Socket>();
  #waiting: { readonly client: Socket; readonly plan: ChaosPlan }[] = [];
  #address: SocketAddress;
  #server: Server | undefined;

  private constructor(options: ChaosProxyOptions) {
    this.#address = options.listen;
    this.target = options.target;
    this.plan = options.plan ?? (() => ({}));
    this.#reorder = options.reorder ?? 1;
    this.#random = seededRandom(options.seed ?? 1);
  }

  static async start(options: ChaosProxyOptions): Promise<ChaosProxy> {
    const proxy = new ChaosProxy(options);
    await proxy.admit();
    return proxy;
  }

  /** Where it listens. */
  get address(): SocketAddress {
    return this.#address;
  }

  /** Connections that stand. */
  get live(): readonly ChaosConnection[] {
    return this.connections.filter(({ isOver }) => !isOver);
  }

  /** Sockets that are open, on either side. */
  get openCount(): number {
    return this.#sockets.size;
  }

  /** The URI of an export of the target, by way of the proxy. */
  uri(exportName?: string): string {
    return uriAt(this.#address, exportName);
  }

  /** Listens, again after `refuse`. */
  async admit(): Promise<void> {
    if (this.#server !== undefined) return;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) =>
      this.#accept(socket),
    );
    this.#address = await listenAt(this.#server, this.#address);
  }

  /** Takes no new connections; those that stand live on. */
  refuse(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  /** Cuts all connections that stand. */
  cutAll(how?: ChaosCut): void {
    for (const connection of this.live) connection.cut(how);
  }

  async close(): Promise<void> {
    this.refuse();
    this.cutAll('reset');
    const closed = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #accept(client: Socket): void {
    this.#track(client);
    const plan = this.plan(this.acceptedCount++, this.#random);
    if (plan.accept === 'drop') client.destroy();
    if (plan.accept === 'drop' || plan.accept === 'silent') return;
    this.#waiting.push({ client, plan });
    if (this.#waiting.length >= this.#reorder) void this.#forward();
  }

  /** One after the other, so that the target sees them in this order. */
  async #forward(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { client, plan } of waiting.reverse()) {
      const server = await this.#connect();
      if (server === undefined || client.destroyed) {
        client.destroy();
        server?.destroy();
      } else this.connections.push(new ChaosConnection(client, server, plan, this.totals));
    }
  }

  #connect(): Promise<Socket | undefined> {
    return new Promise((resolve) => {
      const server = connect({ ...nodeAddress(this.target), allowHalfOpen: true, noDelay: true });
      this.#track(server);
      server.once('connect', () => resolve(server));
      server.once('close', () => resolve(undefined));
    });
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

function end(socket: Socket, how: ChaosCut): void {
  if (how === 'close') {
    // Closed with bytes unread, it would be a reset.
    socket.resume();
    socket.end(() => socket.destroy());
  } else if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
