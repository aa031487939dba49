/** The diagnostics events of attempts to connect. */
import { defineEvents, type EventsOf, eventField } from '@nbdjs/kit';

const endpoint = eventField.text('The name of the server in error messages.');
const attempt = eventField.number('The number of the attempt, from 1; from 1 again after each success.');

/** The events of `ConnectionEvents` as data: when each is published, and what its fields mean. */
export const connectionEvents = defineEvents('connection', {
  chosen: {
    doc: 'A connector was made.',
    fields: {
      endpoint,
      delivery: eventField.oneOf(['inline', 'handed-over', 'kept'], 'How its connections come to the caller.'),
      reason: eventField.text('Why, in one line.'),
    },
  },
  attempt: {
    doc: 'An attempt begins.',
    fields: { endpoint, attempt },
  },
  failed: {
    doc: 'An attempt has failed.',
    fields: {
      endpoint,
      attempt,
      error: eventField.error('Why.'),
      permanent: eventField.boolean('Whether a new attempt would fail in the same way.'),
    },
  },
  sleep: {
    doc: 'The next attempt begins later.',
    fields: { endpoint, delayMs: eventField.milliseconds('How much later.') },
  },
  established: {
    doc: 'An attempt has succeeded.',
    fields: { endpoint, attempt, durationMs: eventField.milliseconds('How long the attempt took.') },
  },
  downgraded: {
    doc:
      'The server has hung up at an option, or got out of sync after it. It is connected to again at once, without the options that are ' +
      'left out from now on.',
    fields: {
      endpoint,
      option: eventField.text('The option.'),
      avoided: eventField.texts('All options that are left out from now on.'),
    },
  },
  switched: {
    doc: 'Of several servers, another one is connected to than before.',
    fields: { endpoint, before: eventField.text('The name of the server that was connected to before.') },
  },
  released: {
    doc: 'The connector was released.',
    fields: { endpoint },
  },
});

/** The events on the channels `nbdjs:connection:<event>`. */
export type ConnectionEvents = EventsOf<typeof connectionEvents>;
