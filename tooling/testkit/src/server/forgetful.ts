/** Behaviour of a server with a volatile write cache: a crash loses what was neither flushed nor written with FUA. */
import { Command, CommandFlag } from '@nbdjs/protocol';
import type { FakeRequest } from './fake-request.ts';
import type { FakeServer } from './fake-server.ts';

export class Forgetful {
  readonly #server: FakeServer;
  #durable: Uint8Array;

  /** Becomes the behaviour of the server. A test that sets another one later calls `answer` from there. */
  constructor(server: FakeServer) {
    this.#server = server;
    this.#durable = server.content.slice();
    server.onRequest = (request) => this.answer(request);
  }

  /** Answers correctly, and remembers what became durable. */
  answer(request: FakeRequest): void {
    request.answer();
    const { command, flags, offset, payload } = request;
    if (command === Command.Flush) this.#durable = this.#server.content.slice();
    if ((flags & CommandFlag.Fua) === 0) return;
    const start = Number(offset);
    if (command === Command.Write) this.#durable.set(payload, start);
    else this.#durable.fill(0, start, start + Number(request.length));
  }

  /** Loses what was not made durable, and ends all connections. */
  crash(): void {
    this.#server.content.set(this.#durable);
    for (const connection of this.#server.connections) connection.hangUp();
  }
}
