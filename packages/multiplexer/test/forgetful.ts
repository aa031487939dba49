/** A server that has what it was told in its cache only, until it is told to flush. */
import { Command, CommandFlag } from '@nbdjs/protocol';
import type { FakeRequest, FakeServer } from '@nbdjs/testkit';

export class Forgetful {
  readonly #server: FakeServer;
  #durable: Uint8Array;

  /** Answers at once, unless the server has a handler of its own by then, which may call `answer`. */
  constructor(server: FakeServer) {
    this.#server = server;
    this.#durable = server.content.slice();
    server.onRequest = (request) => this.answer(request);
  }

  answer(request: FakeRequest): void {
    request.answer();
    const { command, flags, offset, payload } = request;
    if (command === Command.Flush) this.#durable = this.#server.content.slice();
    if ((flags & CommandFlag.Fua) === 0) return;
    const start = Number(offset);
    if (command === Command.Write) this.#durable.set(payload, start);
    else this.#durable.fill(0, start, start + Number(request.length));
  }

  /** Forgets what was not flushed, and ends all connections. */
  crash(): void {
    this.#server.content.set(this.#durable);
    for (const connection of this.#server.connections) connection.hangUp();
  }
}
