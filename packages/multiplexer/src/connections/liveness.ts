/** Finds silent connections: those that owe an answer are ended, idle ones are sent a request. */
import { TimeoutError } from '@nbdjs/interfaces';
import type { MultiplexerSettings } from '../settings.ts';
import type { ConnectionSet } from './connection-set.ts';

export class Liveness {
  readonly #silenceMs: number;
  readonly #keepAliveMs: number;
  readonly #connections: ConnectionSet;

  constructor({ silenceMs, keepAliveMs }: MultiplexerSettings, connections: ConnectionSet) {
    this.#silenceMs = silenceMs;
    this.#keepAliveMs = keepAliveMs;
    this.#connections = connections;
  }

  /** Ends and asks what is due, and returns when the next one will be, in milliseconds of the clock; Infinity for never. */
  check(now: number): number {
    const [silenceMs, keepAliveMs] = [this.#silenceMs, this.#keepAliveMs];
    let nextMs = Number.POSITIVE_INFINITY;
    for (const connection of this.#connections.all()) {
      const { heardMs, isOwed } = connection;
      const limitMs = isOwed ? silenceMs : keepAliveMs;
      if (limitMs === 0) continue;
      const endMs = heardMs + limitMs;
      if (endMs > now) {
        nextMs = Math.min(nextMs, endMs);
      } else if (isOwed) {
        connection.destroy(new TimeoutError('silence', `the server has sent nothing for ${silenceMs} ms`));
      } else {
        this.#connections.probe(connection);
        nextMs = Math.min(nextMs, now + (silenceMs > 0 ? silenceMs : keepAliveMs));
      }
    }
    return nextMs;
  }
}
