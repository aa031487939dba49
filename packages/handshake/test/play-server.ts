/** Feeds a client's messages to a server's handshake, cut in different ways, and compares every step with the table of states. */
import { encodeClientFlags, optionReplies, options, TransmissionFlag } from '@nbdjs/protocol';
import { seededRandom } from '@nbdjs/testkit';
import { expect } from 'vitest';
import {
  type ExportOffer,
  type Refusal,
  ServerHandshake,
  type ServerHandshakeEvent,
  type ServerHandshakeOptions,
  serverHandshakeStates,
} from '../src/index.ts';
import { concat } from './hex.ts';

/** Steps that were taken, such as `option -> tls`. */
export const stepsTaken = new Set<string>();

/** Does something to a handshake; the step that this makes has to be in the table. */
export function step(server: ServerHandshake, act: () => void): void {
  const before = server.state;
  act();
  const after = server.state;
  if (before === after) return;
  expect(serverHandshakeStates[before].next, `from ${before}`).toHaveProperty([after]);
  stepsTaken.add(`${before} -> ${after}`);
}

export const disk: ExportOffer = {
  size: 1_048_576n,
  transmissionFlags: TransmissionFlag.SendFlush | TransmissionFlag.SendFastZero,
  blockSizes: { minimum: 512, preferred: 4096, maximum: 2 ** 25 },
  description: 'a disk',
  contexts: ['base:allocation', 'qemu:dirty-bitmap:a', 'qemu:dirty-bitmap:b'],
};

/** The driver's exports, by name. */
type Exports = Readonly<Record<string, ExportOffer | Refusal>>;
const usual: Exports = {
  '': disk,
  disk,
  secret: { ...disk, tlsOnly: true },
  forbidden: { refusal: 'policy', text: 'not for you' },
};

interface Reply {
  readonly option: string;
  readonly type: string;
  readonly payload: Uint8Array;
}

export interface Outcome {
  readonly greeting: Uint8Array;
  readonly replies: readonly Reply[];
  /** What came after the replies, to `EXPORT_NAME`. */
  readonly rest: Uint8Array;
  readonly events: readonly ServerHandshakeEvent[];
  /** Bytes that the handshake has not asked for. */
  readonly unread: number;
}

export interface Way {
  readonly options?: ServerHandshakeOptions | undefined;
  readonly exports?: Exports | undefined;
  readonly flags?: number | undefined;
  readonly shutDown?: boolean | undefined;
}

/** Feeds a client's messages, whole, byte by byte and at random cuts; the outcome is the same. */
export function play(words: readonly Uint8Array[], way: Way = {}): Outcome {
  const bytes = concat([encodeClientFlags(way.flags ?? 3), ...words]);
  const outcome = perform(bytes, way, () => Number.POSITIVE_INFINITY);
  expect(perform(bytes, way, () => 1)).toEqual(outcome);
  const random = seededRandom(bytes.length);
  expect(perform(bytes, way, () => 1 + Math.floor(random() * 20))).toEqual(outcome);
  return outcome;
}

export function perform(
  bytes: Uint8Array,
  { options: given, exports = usual, shutDown }: Way,
  cut: () => number,
): Outcome {
  const server = new ServerHandshake(given);
  if (shutDown === true) server.shutDown();
  const output: Uint8Array[] = [];
  const events: ServerHandshakeEvent[] = [];
  const pump = (): void => {
    output.push(...server.takeOutput());
    for (let event = server.nextEvent(); event !== undefined; event = server.nextEvent()) {
      events.push(event);
      if (event.type === 'export-wanted') {
        const offer = exports[event.exportName] ?? { refusal: 'unknown' };
        step(server, () => server.offer(offer));
      }
      if (event.type === 'list-wanted') {
        const entries = Object.keys(exports).map((name) => ({ name, description: `about ${name}` }));
        step(server, () => server.list(entries));
      }
      if (event.type === 'tls-upgrade') step(server, () => server.tlsEstablished());
      output.push(...server.takeOutput());
    }
  };
  pump();
  let position = 0;
  while (position < bytes.length && server.turn === 'client') {
    const target = server.writable();
    const piece = bytes.subarray(position, position + Math.min(target.length, cut()));
    target.set(piece);
    step(server, () => server.advance(piece.length));
    position += piece.length;
    pump();
  }
  const told = events.filter(({ type }) => type !== 'export-wanted' && type !== 'list-wanted');
  return { ...taken(concat(output)), events: told, unread: bytes.length - position };
}

function taken(bytes: Uint8Array): Pick<Outcome, 'greeting' | 'replies' | 'rest'> {
  const view = new DataView(bytes.buffer);
  const replies: Reply[] = [];
  let at = 18;
  while (at + 20 <= bytes.length && view.getBigUint64(at) === 0x3e889045565a9n) {
    const length = view.getUint32(at + 16);
    replies.push({
      option: options.name(view.getUint32(at + 8)),
      type: optionReplies.name(view.getUint32(at + 12)),
      payload: bytes.slice(at + 20, at + 20 + length),
    });
    at += 20 + length;
  }
  return { greeting: bytes.slice(0, 18), replies, rest: bytes.slice(at) };
}
