/** How to leave a server that is still to read something from us. */
import type { ByteChannel, ByteSink, Clock } from '@nbdjs/interfaces';

/** A server that does not hang up is hung up on after this long, in milliseconds. */
const patienceMs = 500;

/**
 * Sends the last words, ends our direction and closes when the server has closed, or soon. Closing at once could make
 * the kernel reset the connection, and the last words (`NBD_OPT_ABORT`) would be lost (checklist C6).
 */
export function farewell(
  channel: ByteChannel,
  lastWords: readonly Uint8Array[],
  clock: Clock,
  end: 'awaited' | 'in-background' = 'in-background',
): void {
  if (lastWords.length === 0) {
    channel.destroy();
    return;
  }
  const close = () => {
    cancel();
    channel.destroy();
  };
  const isAwaited = end === 'awaited';
  const cancel = clock.schedule(patienceMs, close, isAwaited);
  channel.keepAlive(isAwaited);
  channel.open(new Drain(close));
  channel.send(lastWords);
  channel.end();
}

/** Takes what still comes and forgets it. */
class Drain implements ByteSink {
  readonly #ditch = new Uint8Array(4096);
  readonly #onEnd: () => void;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  writable(): Uint8Array {
    return this.#ditch;
  }

  advance(): void {}

  drained(): void {}

  ended(): void {
    this.#onEnd();
  }
}
