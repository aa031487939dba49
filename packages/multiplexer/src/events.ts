/** The diagnostics events of requests and of reconnecting. */
import { defineEvents, type EventsOf, eventField } from '@nbdjs/kit';
import type { DeviceState } from './connections/reconnect-states.ts';

/** What the events of one request have in common. */
const request = {
  command: eventField.text('The command, such as `READ`.'),
  offset: eventField.offset('Where it begins on the device.'),
  length: eventField.offset('How many bytes it is about.'),
  cookie: eventField.text('The number that joins a request and its replies, in hexadecimal.'),
} as const;

const wireError = eventField.number('The number of the error on the wire; 0 for success.');

/** The events of `MultiplexerEvents` as data: when each is published, and what its fields mean. */
export const multiplexerEvents = defineEvents('multiplexer', {
  request: {
    doc: "A request is sent (QEMU's `nbd_send_request`).",
    fields: { ...request, flags: eventField.texts('The flags of the command, such as `FUA`.') },
  },
  'simple-reply': {
    doc: 'A simple reply has come.',
    fields: { ...request, wireError },
  },
  'reply-chunk': {
    doc: 'A chunk of a structured reply has come.',
    fields: { ...request, type: eventField.text('The type of the chunk, such as `OFFSET_DATA`.') },
  },
  reply: {
    doc: 'A request is answered: its last reply has come.',
    fields: { ...request, wireError },
  },
  'request-failed': {
    doc: "A request is answered with an error (QEMU's `nbd_co_request_fail`). Follows `reply`.",
    fields: {
      ...request,
      wireError,
      text: eventField.optional(eventField.text("The server's words, where it has sent some.")),
    },
  },
  'unknown-error': {
    doc: 'The error of a request has a number that the specification does not have. Follows `request-failed`.',
    fields: { ...request, wireError },
  },
  state: {
    doc: 'The device has another state.',
    fields: {
      state: eventField.oneOf<DeviceState>(
        ['connected', 'connecting-wait', 'connecting-nowait', 'closed'],
        'In the two connecting states requests wait for a connection, or fail.',
      ),
    },
  },
  'reconnect-attempt': {
    doc: 'The connector is asked for a new connection after a loss.',
    fields: { wait: eventField.boolean('Whether an attempt is waited for; otherwise a connection has to be ready.') },
  },
  'reconnect-attempt-result': {
    doc: 'The connector has answered.',
    fields: { error: eventField.optional(eventField.error('Why there is no connection; absent after a success.')) },
  },
  replay: {
    doc: 'A new connection has been sent again what may be lost: the writes since the last flush.',
    fields: { requests: eventField.number('How many requests were sent again.') },
  },
});

/** The events on the channels `nbdjs:multiplexer:<event>`. */
export type MultiplexerEvents = EventsOf<typeof multiplexerEvents>;
