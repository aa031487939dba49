/** Closing a connection whose server has still to read something. */
import type { ByteChannel, ByteSink, Clock } from '@nbdjs/interfaces';

/** A connection that the server does not close is closed after this long, in milliseconds. */
const closeMs = 500;

/**
 * Sends the last message, ends our direction, and closes when the server has closed, or 500 ms later. Closing at once could make
 * the kernel reset the connection, and the message (`NBD_OPT_ABORT`) would be lost (C6).
 *
 * @param abortMessage The last message, in chunks. Without one, the connection is closed at once.
 * @param end `awaited`: the process stays alive until the connection is closed.
 */
export function farewell(
  channel: ByteChannel,
  abortMessage: readonly Uint8Array[],
  clock: Clock,
  end: 'awaited' | 'in-background' = 'in-background',
): void {
  if (abortMessage.length === 0) {
    channel.destroy();
    return;
  }
  const close = () => {
    cancel();
    channel.destroy();
  };
  const isAwaited = end === 'awaited';
  const cancel = clock.schedule(closeMs, close, isAwaited);
  channel.keepAlive(isAwaited);
  channel.open(new Drain(close));
  channel.send(abortMessage);
  channel.end();
}

/** Receives the bytes that still come, and drops them. */
class Drain implements ByteSink {
  readonly #sink = new Uint8Array(4096);
  readonly #onEnd: () => void;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  writable(): Uint8Array {
    return this.#sink;
  }

  advance(): void {}

  drained(): void {}

  ended(): void {
    this.#onEnd();
  }
}
