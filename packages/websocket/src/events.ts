/** The diagnostics events of WebSockets and HTTP Upgrades. */
import { channelClosed, defineEvents, type EventsOf, eventField, peerField } from '@nbdjs/kit';

/** The events of `WebSocketPackageEvents` as data: when each is published, and what its fields mean. */
export const websocketEvents = defineEvents('websocket', {
  connect: {
    doc: 'A connection is being made.',
    fields: { peer: peerField },
  },
  connected: {
    doc: 'A channel is open, as client or as server.',
    fields: { peer: peerField },
  },
  refused: {
    doc: 'A server has refused a client before its channel was open.',
    fields: {
      peer: peerField,
      status: eventField.number('The status of HTTP that the client got.'),
      reason: eventField.text('Why, in words.'),
    },
  },
  closed: channelClosed,
});

/** The events on the channels `nbdjs:websocket:<event>`. */
export type WebSocketPackageEvents = EventsOf<typeof websocketEvents>;
