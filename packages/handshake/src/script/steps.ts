/**
 * How a script waits.
 *
 * Both halves of the handshake are scripts: generators that read like the exchange that they describe. Where a script needs something from
 * outside it yields a need, and goes on when the need is met. So its state needs no fields, and it does no input or output.
 */

/** A part of a script: waits by yielding, fails by throwing, and ends with a result. */
export type ScriptStep<Need, Result> = Generator<Need, Result, void>;

/** Exactly `count` bytes of the peer. */
export class BytesNeed {
  readonly type = 'bytes';
  readonly count: number;
  bytes: Uint8Array = new Uint8Array(0);

  constructor(count: number) {
    this.count = count;
  }
}

/** `count` bytes of the peer, whose values are ignored. */
export class SkipNeed {
  readonly type = 'skip';
  readonly count: number;

  constructor(count: number) {
    this.count = count;
  }
}

/** What comes from the stream of the peer. */
export type StreamNeed = BytesNeed | SkipNeed;

/** TLS on the transport. */
export interface UpgradeNeed {
  readonly type: 'upgrade';
}

/** Waits for exactly `count` bytes; they are valid until the next wait. */
export function* receive(count: number): ScriptStep<BytesNeed, Uint8Array> {
  const need = new BytesNeed(count);
  yield need;
  return need.bytes;
}

/** Waits until `count` bytes have passed. */
export function* skip(count: number): ScriptStep<SkipNeed, void> {
  yield new SkipNeed(count);
}

/** Waits until the transport has upgraded to TLS. */
export function* upgrade(): ScriptStep<UpgradeNeed, void> {
  yield { type: 'upgrade' };
}
