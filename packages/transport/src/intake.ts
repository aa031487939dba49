/**
 * Takes connections from a listening socket, so many at a time. When there is no room, the system keeps those who come.
 *
 * Node cannot stop taking, and when descriptors run out it closes whoever comes, without a word to anybody. So the socket is parked: a
 * second descriptor keeps it open, with its queue, while Node's own is closed.
 */
import { closeSync } from 'node:fs';
import { createServer, type Server, type ServerOpts, type Socket } from 'node:net';
import { duplicateDescriptor } from '@nbdjs/syscalls';
import { descriptorOf } from './handle.ts';

export interface IntakeOptions {
  /** What Node's servers are made with. */
  readonly server: ServerOpts;
  readonly backlog?: number | undefined;
  /** Connections at a time; nothing for any number. */
  readonly connectionsMax?: number | undefined;
  /** Called when there is no room any more; `isWaiting` tells whether those who come then can wait. */
  readonly onFull?: ((isWaiting: boolean) => void) | undefined;
}

export class Intake {
  readonly #take: (socket: Socket, server: Server) => Promise<unknown> | undefined;
  readonly #options: IntakeOptions;
  /** Nothing while the socket is parked. */
  #server: Server | undefined;
  /** Keeps the parked socket open. */
  #parkedFd: number | undefined;
  #count = 0;

  /** `take` is given each connection of a server that listens; it counts until the promise has settled that comes back. */
  constructor(
    server: Server,
    take: (socket: Socket, server: Server) => Promise<unknown> | undefined,
    options: IntakeOptions,
  ) {
    this.#take = take;
    this.#options = options;
    this.#begin(server);
  }

  close(): void {
    this.#server?.close();
    this.#server = undefined;
    if (this.#parkedFd !== undefined) closeSync(this.#parkedFd);
    this.#parkedFd = undefined;
  }

  #begin(server: Server): void {
    this.#server = server;
    // That connection is lost, and listening goes on.
    server.on('error', () => {});
    server.on('connection', (socket) => {
      const gone = this.#take(socket, server);
      if (gone === undefined) return;
      this.#count++;
      const leave = (): void => this.#leave();
      gone.then(leave, leave);
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

  #leave(): void {
    this.#count--;
    if (this.#parkedFd === undefined) return;
    const server = createServer(this.#options.server);
    server.listen({ fd: this.#parkedFd, backlog: this.#options.backlog });
    this.#parkedFd = undefined;
    this.#begin(server);
  }
}
