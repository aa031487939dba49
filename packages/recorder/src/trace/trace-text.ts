/** A log or a recording as text: one line for each message and each event. */
import { messageText } from '../messages/message-text.ts';
import type { ReadEntry } from '../recording/entry.ts';
import type { TracedMessage } from './traced-message.ts';

/** Returns a message in one line: when it began, its connection, its direction, and what it says. */
export function traceText(traced: TracedMessage): string {
  const { time, connection, message, payloadBytes, sha256, frame, isOpen } = traced;
  const direction = message.side === 'client' ? '>' : '<';
  const isShort = !isOpen && payloadBytes < frame.payloadBytes;
  const end = [
    sha256 === undefined ? '' : ` sha256=${sha256.slice(0, 16)}`,
    isShort ? ` [the stream ends after ${payloadBytes} bytes of payload]` : '',
  ];
  return `${place(time, connection)} ${direction} ${messageText(message)}${end.join('')}`;
}

/** Returns what is no message in one line; `undefined` for what a trace does not show. */
export function eventText(entry: ReadEntry): string | undefined {
  switch (entry.type) {
    case 'open': {
      const what = entry.resumed === true ? 'still connected' : 'connected';
      return `${place(entry.time, entry.connection)} - ${what}: ${entry.client} to ${entry.server}`;
    }
    case 'fault':
      return `${place(entry.time, entry.connection)} ! ${entry.text}`;
    case 'side-end':
      return `${place(entry.time, entry.connection)} - the ${entry.side} sends no more`;
    case 'close':
      return `${place(entry.time, entry.connection)} - closed${entry.reason === '' ? '' : `: ${entry.reason}`}`;
    default:
      return undefined;
  }
}

/** Seconds with microseconds, and the connection. */
function place(time: number, connection: number): string {
  return `${(time / 1e6).toFixed(6).padStart(11)} #${connection}`;
}
