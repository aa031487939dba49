/** The diagnostics events of channels of bytes. */
import type { PeerDescription, TlsPeer } from '@nbdjs/interfaces';
import { defineEvents, type EventsOf, eventField } from '@nbdjs/kit';

const peer = eventField.object<PeerDescription>('PeerDescription', 'What is at the other end.');

/** The events of `TransportEvents` as data: when each is published, and what its fields mean. */
export const transportEvents = defineEvents('transport', {
  connect: {
    doc: 'A connection is being made.',
    fields: { peer },
  },
  connected: {
    doc: 'A channel is open: it has connected, was accepted, or was taken over by its descriptor.',
    fields: { peer },
  },
  tls: {
    doc: 'A channel has been upgraded to TLS.',
    fields: { peer, tls: eventField.object<TlsPeer>('TlsPeer', 'The protocol, the cipher and the subject.') },
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

/** The events on the channels `nbdjs:transport:<event>`. */
export type TransportEvents = EventsOf<typeof transportEvents>;
