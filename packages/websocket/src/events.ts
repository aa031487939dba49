/** The diagnostics events of WebSockets and HTTP Upgrades. */
import type { PeerDescription } from '@nbdjs/interfaces';
import { defineEvents, type EventsOf, eventField } from '@nbdjs/kit';

const peer = eventField.object<PeerDescription>('PeerDescription', 'What is at the other end.');

/** The events of `WebSocketPackageEvents` as data: when each is published, and what its fields mean. */
export const websocketEvents = defineEvents('websocket', {
  connect: {
    doc: 'A connection is being made.',
    fields: { peer },
  },
  connected: {
    doc: 'A channel is open, as client or as server.',
    fields: { peer },
  },
  refused: {
    doc: 'A server has refused a client before its channel was open.',
    fields: {
      peer,
      status: eventField.number('The status of HTTP that the client got.'),
      reason: eventField.text('Why, in words.'),
    },
  },
  closed: {
    doc: 'A channel that was open is closed.',
    fields: {
      peer,
      by: eventField.oneOf(['us', 'peer', 'error'], 'What has ended it.'),
      error: eventField.optional(eventField.error('Why, where there was an error.')),
    },
  },
});

/** The events on the channels `nbdjs:websocket:<event>`. */
export type WebSocketPackageEvents = EventsOf<typeof websocketEvents>;
