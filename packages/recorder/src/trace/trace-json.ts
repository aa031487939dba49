/** A log or a recording as plain data for JSON. */
import type { Message } from '../messages/message.ts';
import type { ReadEntry } from '../recording/entry.ts';
import type { TracedMessage } from './traced-message.ts';

/** A value that JSON has, with bigints for numbers that have to stay exact. */
export type TraceJson =
  | string
  | number
  | bigint
  | boolean
  | readonly TraceJson[]
  | { readonly [name: string]: TraceJson | undefined };

/** Returns a message as data; `docs/recordings.md` lists the members. */
export function traceJson(traced: TracedMessage): { readonly [name: string]: TraceJson | undefined } {
  const { time, endTime, connection, message, payloadBytes, sha256, frame, isOpen } = traced;
  const { cookie, ...fields } = message as Message & { readonly [name: string]: TraceJson | undefined };
  return {
    type: 'message',
    time,
    ...(endTime === time ? {} : { endTime }),
    connection,
    ...fields,
    // Cookies may be any 64 bits, and many readers of JSON have no exact numbers of so many.
    ...(cookie === undefined ? {} : { cookie: String(cookie) }),
    ...(payloadBytes < frame.payloadBytes && !isOpen ? { arrivedBytes: payloadBytes } : {}),
    ...(sha256 === undefined ? {} : { sha256 }),
  };
}

/** Returns an entry that is no message as data; `undefined` for what a trace does not show. */
export function eventJson(entry: ReadEntry): { readonly [name: string]: TraceJson | undefined } | undefined {
  switch (entry.type) {
    case 'frame':
    case 'payload':
    case 'frame-end':
      return undefined;
    default:
      return { ...entry };
  }
}
