/** Passes an NBD session on between two channels, and listens to it. */
import type { ByteChannel, Clock, HeaderMode } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, toError } from '@nbdjs/kit';
import type { FrameHandler, Side } from '../decoding/frame.ts';
import { otherSide } from '../decoding/frame.ts';
import { SessionDecoder, type SessionDecoderOptions, sessionDecoderOptions } from '../decoding/session-decoder.ts';
import type { ConnectionFaults } from '../faults/fault-injector.ts';
import { FaultyPassage } from './faulty-passage.ts';
import { Inlet } from './inlet.ts';
import type { RelayListener } from './listener.ts';
import { Outlet } from './outlet.ts';

/** The options of `relaySession` as data. */
export const relayOptions = defineOptions({
  ...sessionDecoderOptions.definitions,
  /** Listens to the session. @default nothing does */
  listener: option.object<RelayListener>({ doc: 'Listens to the session.', defaultText: 'nothing does' }),
  /** What is done to messages. @default nothing: every byte passes as it came */
  faults: option.object<ConnectionFaults>({
    doc: 'What is done to messages.',
    defaultText: 'nothing: every byte passes as it came',
  }),
  /**
   * Asked after each delivery: a promise holds both sides until it is fulfilled, so that a slow listener slows the session down.
   * @default both sides go on
   */
  hold: option.callback<() => Promise<unknown> | undefined>({
    doc: 'Asked after each delivery: a promise holds both sides until it is fulfilled, so that a slow listener slows the session down.',
    defaultText: 'both sides go on',
  }),
  /** Time. */
  clock: option.object<Clock>({ required: true, doc: 'Time.' }),
});

/** How a session is passed on. */
export interface RelayOptions extends OptionsOf<typeof relayOptions> {}

/** A session that is passed on. */
export interface RelayedSession {
  /** The kind of replies that both sides have agreed on so far. */
  readonly mode: HeaderMode;
  /** Bytes that have come from each side. */
  readonly bytes: Readonly<Record<Side, number>>;
  /** Settles when both channels are closed: to the error that ended one of them, or to `undefined`. Never rejects. */
  readonly closed: Promise<Error | undefined>;
  /** Ends both channels. */
  destroy(): void;
}

/** After a cut, each side has so long to read what was sent to it, in milliseconds. */
const lingerMs = 1000;

/**
 * Passes bytes on between two channels, unchanged and in order, with the back-pressure and the half-closes of each side, and reports the
 * messages in them. Without `faults`, bytes are passed on as soon as they come, also those of a message that is not complete; with them,
 * whole headers are.
 *
 * Both channels belong to it from now on.
 *
 * @throws UsageError for an option that is wrong.
 */
export function relaySession(client: ByteChannel, server: ByteChannel, options: RelayOptions): RelayedSession {
  return new Relay({ client, server }, options);
}

type Sides<T> = Readonly<Record<Side, T>>;
const bothSides: readonly Side[] = ['client', 'server'];

class Relay implements RelayedSession {
  readonly bytes = { client: 0, server: 0 };
  readonly closed: Promise<Error | undefined>;
  readonly #channels: Sides<ByteChannel>;
  /** What leads to each side. */
  readonly #outlets: Sides<Outlet>;
  readonly #inlets: Sides<Inlet> = { client: new Inlet(), server: new Inlet() };
  readonly #paused = { client: false, server: false };
  readonly #decoder: SessionDecoder;
  readonly #faulty: FaultyPassage | undefined;
  readonly #settings: ReturnType<typeof relayOptions.resolve>;
  #isHeld = false;
  #isCut = false;
  #error: Error | undefined;

  constructor(channels: Sides<ByteChannel>, options: RelayOptions) {
    const settings = relayOptions.resolve('relaySession', options);
    const { clock, faults, listener } = settings;
    this.#settings = settings;
    this.#channels = channels;
    const outlet = (side: Side): Outlet => new Outlet(channels[side], clock, () => this.#free(side));
    this.#outlets = { client: outlet('client'), server: outlet('server') };
    const decoderOptions: SessionDecoderOptions = sessionDecoderOptions.pick(settings);
    if (faults === undefined) this.#decoder = new SessionDecoder(listener ?? silent, decoderOptions);
    else {
      const passage = new FaultyPassage(faults, this.#outlets, {
        listener: listener ?? silent,
        cut: (to) => this.#cut(to),
        decoder: () => this.#decoder,
      });
      this.#faulty = passage;
      this.#decoder = new SessionDecoder(passage, decoderOptions);
    }
    this.closed = Promise.all(bothSides.map((side) => channels[side].closed)).then(() => {
      for (const side of bothSides) this.#outlets[side].stop();
      return this.#error;
    });
    for (const side of bothSides) this.#open(side);
  }

  get mode(): HeaderMode {
    return this.#decoder.mode;
  }

  destroy(): void {
    this.#fail(undefined);
  }

  #open(side: Side): void {
    const inlet = this.#inlets[side];
    this.#channels[side].open({
      writable: () => inlet.memory,
      advance: (byteCount) => this.#pass(side, byteCount),
      drained: () => this.#outlets[side].drained(),
      ended: (cause) => this.#end(side, cause),
    });
  }

  #pass(side: Side, byteCount: number): void {
    const inlet = this.#inlets[side];
    const bytes = inlet.landed(byteCount);
    if (this.#isCut) return;
    this.bytes[side] += byteCount;
    this.#decoder.push(side, bytes);
    // With faults, what passes is sent message by message, by the handler of the decoder.
    if (this.#faulty === undefined && !this.#outlets[otherSide(side)].send(bytes)) inlet.lend(bytes);
    this.#hold();
    this.#updateFlow();
  }

  #end(side: Side, cause: Error | undefined): void {
    if (cause === undefined) {
      this.#decoder.end(side);
      this.#settings.listener?.sideEnd?.(side);
      const to = otherSide(side);
      this.#outlets[to].act(() => this.#channels[to].end());
    } else this.#fail(cause);
  }

  /** One side is gone, so the other is of no use. */
  #fail(cause: Error | undefined): void {
    this.#error ??= cause;
    for (const side of bothSides) {
      this.#decoder.end(side);
      this.#outlets[side].stop();
      this.#channels[side].destroy(cause);
    }
  }

  /** Both connections end by a rule. What was sent before still arrives. */
  #cut(to: Side): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.#channels[otherSide(to)].destroy();
    this.#channels[to].end();
    const cancel = this.#settings.clock.schedule(lingerMs, () => this.#channels[to].destroy(), true);
    void this.#channels[to].closed.then(cancel);
  }

  /** A slow listener slows both sides down. */
  #hold(): void {
    if (this.#isHeld) return;
    const held = this.#settings.hold?.();
    if (held === undefined) return;
    this.#isHeld = true;
    held.then(
      () => {
        this.#isHeld = false;
        this.#updateFlow();
      },
      (error: unknown) => this.#fail(toError(error)),
    );
  }

  #free(to: Side): void {
    this.#inlets[otherSide(to)].reclaim();
    this.#updateFlow();
  }

  #updateFlow(): void {
    for (const side of bothSides) {
      // Replies of the proxy's own come from requests, so that a client that does not read them is not read from either.
      const answersItself = side === 'client' && this.#faulty?.hasAnswered === true && this.#outlets.client.isBusy;
      const isPaused = this.#isHeld || answersItself || this.#outlets[otherSide(side)].isBusy;
      if (isPaused === this.#paused[side]) continue;
      this.#paused[side] = isPaused;
      this.#channels[side].pause(isPaused);
    }
  }
}

const silent: FrameHandler = { frame() {}, payload() {}, frameEnd() {} };
