/**
 * Accepts connections from a listening socket, up to a number at a time. Beyond that, the system's queue keeps clients waiting.
 *
 * Node cannot stop accepting, and when descriptors run out it closes new connections silently. So the socket is parked: a second
 * descriptor keeps it open, with its queue, while Node's own is closed.
 */
import { closeSync } from 'node:fs';
import { createServer, type Server, type ServerOpts, type Socket } from 'node:net';
import { duplicateDescriptor } from '@nbdjs/syscalls';
import { descriptorOf } from '../channels/handle.ts';

export interface ConnectionIntakeOptions {
  /** The options of Node's servers. */
  readonly server: ServerOpts;
  readonly backlog?: number | undefined;
  /** Connections at a time. @default any number */
  readonly connectionsMax?: number | undefined;
  /** Called when that number is reached. `canWait`: the system keeps further clients waiting. */
  readonly onFull?: ((canWait: boolean) => void) | undefined;
}

export class ConnectionIntake {
  readonly #take: (socket: Socket, server: Server) => Promise<unknown> | undefined;
  readonly #options: ConnectionIntakeOptions;
  /** `undefined` while the socket is parked. */
  #server: Server | undefined;
  /** Keeps the parked socket open. */
  #parkedFd: number | undefined;
  #count = 0;

  /**
   * @param server A server that listens.
   * @param take Called with each connection. The connection counts until the returned promise has settled; `undefined`: it does not count.
   */
  constructor(
    server: Server,
    take: (socket: Socket, server: Server) => Promise<unknown> | undefined,
    options: ConnectionIntakeOptions,
  ) {
    this.#take = take;
    this.#options = options;
    this.#accept(server);
  }

  close(): void {
    this.#server?.close();
    this.#server = undefined;
    if (this.#parkedFd !== undefined) closeSync(this.#parkedFd);
    this.#parkedFd = undefined;
  }

  #accept(server: Server): void {
    this.#server = server;
    // One connection is lost, and the server listens on.
    server.on('error', () => {});
    server.on('connection', (socket) => {
      const finished = this.#take(socket, server);
      if (finished === undefined) return;
      this.#count++;
      const free = (): void => this.#freePlace();
      finished.then(free, free);
      const { connectionsMax } = this.#options;
      if (connectionsMax !== undefined && this.#count === connectionsMax) this.#park(server);
    });
  }

  #park(server: Server): void {
    const own = descriptorOf(server);
    this.#parkedFd = own === undefined ? undefined : duplicateDescriptor(own);
    this.#options.onFull?.(this.#parkedFd !== undefined);
    if (this.#parkedFd === undefined) return;
    this.#server = undefined;
    server.close();
  }

  #freePlace(): void {
    this.#count--;
    if (this.#parkedFd === undefined) return;
    const server = createServer(this.#options.server);
    server.listen({ fd: this.#parkedFd, backlog: this.#options.backlog });
    this.#parkedFd = undefined;
    this.#accept(server);
  }
}
