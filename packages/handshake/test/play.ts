/** Feeds a server's messages to a client's handshake, cut in different ways, and checks that the outcome is the same. */
import { seededRandom } from '@nbdjs/testkit';
import { expect } from 'vitest';
import { ClientHandshake, type ClientHandshakeOptions, type HandshakeEvent, handshakeStates } from '../src/index.ts';
import { concat } from './hex.ts';

/** The server's next bytes, or the driver's next call. */
export type Act = Uint8Array | ((handshake: ClientHandshake) => void);

export interface Outcome {
  /** Everything that the client sent. */
  readonly sent: Uint8Array;
  readonly events: readonly HandshakeEvent[];
  /** Bytes that the client did not use, returned as excess or never asked for. */
  readonly left: Uint8Array;
  readonly state: ClientHandshake['state'];
}

/** How the server's bytes reach the handshake. */
type Feed = (handshake: ClientHandshake, bytes: Uint8Array) => Uint8Array;

/** Performs the acts with every feed and returns the outcome, which is the same for all. */
export function play(options: ClientHandshakeOptions, ...acts: readonly Act[]): Outcome {
  const merged = mergeWords(acts);
  const outcome = perform(options, merged, whole);
  for (const feed of [byteByByte, throughSink, ...[1, 2, 3, 4, 5].map(randomCuts)]) {
    expect(perform(options, merged, feed)).toEqual(outcome);
  }
  return outcome;
}

/** Bytes of the server that follow each other are one delivery. */
function mergeWords(acts: readonly Act[]): readonly Act[] {
  const merged: Act[] = [];
  for (const act of acts) {
    const before = merged.at(-1);
    if (act instanceof Uint8Array && before instanceof Uint8Array) merged[merged.length - 1] = concat([before, act]);
    else merged.push(act);
  }
  return merged;
}

/** The only event, or the last one. */
export function lastEvent(outcome: Outcome): HandshakeEvent {
  const event = outcome.events.at(-1);
  if (event === undefined) throw new Error('nothing happened');
  return event;
}

/** The facts of an outcome; throws when it is not a success. */
export function factsOf(outcome: Outcome) {
  const event = lastEvent(outcome);
  if (event.type !== 'established')
    throw new Error(`expected success, got ${JSON.stringify(event)}`, eventCause(event));
  return event.facts;
}

/** The error of an outcome; throws when it is not a failure. */
export function errorOf(outcome: Outcome) {
  const event = lastEvent(outcome);
  if (event.type !== 'failed') throw new Error(`expected failure, got ${event.type}`);
  expect(event.error.message).not.toMatch(/[\n\r]/);
  return event.error;
}

function eventCause(event: HandshakeEvent) {
  return 'error' in event ? { cause: event.error } : {};
}

function perform(options: ClientHandshakeOptions, acts: readonly Act[], feed: Feed): Outcome {
  const handshake = new ClientHandshake(options);
  const events: HandshakeEvent[] = [];
  const sent: Uint8Array[] = [];
  let left: Uint8Array = new Uint8Array(0);
  for (const act of acts) {
    if (typeof act === 'function') act(handshake);
    else left = concat([left, feed(handshake, act)]);
    sent.push(...handshake.takeOutput());
    for (let event = handshake.nextEvent(); event !== undefined; event = handshake.nextEvent()) {
      if (event.type === 'established') left = concat([event.excess, left]);
      events.push(event.type === 'established' ? { ...event, excess: new Uint8Array(0) } : event);
    }
  }
  return { sent: concat(sent), events, left, state: handshake.state };
}

function whole(handshake: ClientHandshake, bytes: Uint8Array): Uint8Array {
  handshake.receive(bytes);
  return new Uint8Array(0);
}

function byteByByte(handshake: ClientHandshake, bytes: Uint8Array): Uint8Array {
  for (const byte of bytes) {
    const before = handshake.state;
    handshake.receive(Uint8Array.of(byte));
    const after = handshake.state;
    if (before !== after) expect(handshakeStates[before].next, `from ${before}`).toHaveProperty([after]);
  }
  return new Uint8Array(0);
}

/** Like a socket that reads directly into the memory that it is given: no byte is taken that was not asked for. */
function throughSink(handshake: ClientHandshake, bytes: Uint8Array): Uint8Array {
  let rest = bytes;
  while (rest.length > 0 && handshake.state !== 'transmission') {
    const target = handshake.writable();
    expect(target.length).toBeGreaterThan(0);
    const piece = rest.subarray(0, target.length);
    target.set(piece);
    handshake.advance(piece.length);
    rest = rest.subarray(piece.length);
  }
  return rest;
}

function randomCuts(seed: number): Feed {
  return (handshake, bytes) => {
    const random = seededRandom(seed);
    for (let start = 0; start < bytes.length; ) {
      const end = start + 1 + Math.floor(random() * 30);
      handshake.receive(bytes.subarray(start, end));
      start = end;
    }
    return new Uint8Array(0);
  };
}
