/** What channels over WebSocket in Node can be given, whichever side has opened them. */
import { type Clock, limits } from '@nbdjs/interfaces';
import { defineOptions, option, type SettingsOf } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';

/** The longest reply of NBD that peers ask for, and its header. */
const messageBytesDefault = limits.payloadBytesDefault + 64 * 1024;

/** The options of WebSockets in Node as data. */
export const socketOptions = defineOptions({
  /** Bytes of one message of the peer, with all its fragments; a longer one ends the connection. @default 33619968 */
  messageBytesMax: option.bytes({
    default: messageBytesDefault,
    doc: 'Bytes of one message of the peer, with all its fragments; a longer one ends the connection.',
  }),
  /** Milliseconds between two Pings to the peer of a WebSocket, 0 for none. @default 30000 */
  pingMs: option.milliseconds({
    default: 30_000,
    zero: 'none',
    doc: 'Time between two Pings to the peer of a WebSocket.',
  }),
  /** Milliseconds without a byte from the peer of a WebSocket, Pongs included, after which it counts as gone; 0 for never. @default 90000 */
  silenceMs: option.milliseconds({
    default: 90_000,
    zero: 'never',
    doc: 'Time without a byte from the peer of a WebSocket, Pongs included, after which it counts as gone.',
  }),
  /** Milliseconds that the closing handshake may take; then the connection is cut. @default 10000 */
  closeMs: option.milliseconds({
    default: limits.closeMs,
    doc: 'How long the closing handshake may take; then the connection is cut.',
  }),
  /** Time, for tests. @default systemClock */
  clock: option.object<Clock>({ default: systemClock, doc: 'Time, for tests.', defaultText: 'systemClock' }),
});

/** Their settings. */
export type SocketSettings = SettingsOf<typeof socketOptions>;
