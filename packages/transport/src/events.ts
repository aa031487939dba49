/** The diagnostics events of channels of bytes. */
import type { TlsPeer } from '@nbdjs/interfaces';
import { channelClosed, defineEvents, type EventsOf, eventField, peerField } from '@nbdjs/kit';

/** The events of `TransportEvents` as data: when each is published, and what its fields mean. */
export const transportEvents = defineEvents('transport', {
  connect: {
    doc: 'A connection is being made.',
    fields: { peer: peerField },
  },
  connected: {
    doc: 'A channel is open: it has connected, was accepted, or was taken over by its descriptor.',
    fields: { peer: peerField },
  },
  tls: {
    doc: 'A channel has been upgraded to TLS.',
    fields: {
      peer: peerField,
      tls: eventField.object<TlsPeer>('TlsPeer', 'The protocol, the cipher and the subject.'),
    },
  },
  closed: channelClosed,
});

/** The events on the channels `nbdjs:transport:<event>`. */
export type TransportEvents = EventsOf<typeof transportEvents>;
