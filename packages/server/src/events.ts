/** The diagnostics events of a server. */
import { type ServedFacts, serverHandshakeEvents } from '@nbdjs/handshake';
import type { PeerDescription, TlsPeer } from '@nbdjs/interfaces';
import { defineEvents, type EventsOf, eventField } from '@nbdjs/kit';
import { cutOffReasons, refusalReasons } from './statistics/client-counts.ts';

const peer = eventField.object<PeerDescription>('PeerDescription', 'The client.');

/** The events of `ServerEvents` as data: when each is published, and what its fields mean. */
export const serverEvents = defineEvents('server', {
  ...serverHandshakeEvents.definitions,
  refused: {
    doc: 'A client was refused: before it was greeted, or when it wanted to open an export.',
    fields: { peer, reason: eventField.oneOf(refusalReasons, 'Why.') },
  },
  'cut-off': {
    doc: 'The connection to a client was ended for what the client did or did not do.',
    fields: {
      peer,
      reason: eventField.oneOf(cutOffReasons, 'Why.'),
      message: eventField.text('The same in words.'),
      error: eventField.error('The error that ends the session.'),
    },
  },
  tls: {
    doc: 'The connection to a client was upgraded to TLS.',
    fields: { peer, tls: eventField.object<TlsPeer>('TlsPeer', 'The protocol, the cipher and the subject.') },
  },
  'export-refused': {
    doc: 'A client may not have an export, or the list of them.',
    fields: {
      peer,
      exportName: eventField.optional(eventField.text('The export; absent for the list.')),
      error: eventField.thrown('What the rules or the provider of exports have thrown.'),
    },
  },
  'handshake-failed': {
    doc: 'The handshake with a client has failed.',
    fields: { peer, error: eventField.error('Why.') },
  },
  established: {
    doc: 'A client has opened an export; transmission begins.',
    fields: { peer, facts: eventField.object<ServedFacts>('ServedFacts', 'What was agreed on.') },
  },
  'request-failed': {
    doc: 'A device has failed at a request.',
    fields: {
      command: eventField.text('The command, such as `READ`.'),
      offset: eventField.offset('Where it begins on the device.'),
      length: eventField.offset('How many bytes it is about.'),
      error: eventField.thrown('What the device has thrown.'),
    },
  },
  'thread-ended': {
    doc: 'A thread of the server has ended unexpectedly; the connections to its clients are lost.',
    fields: {
      thread: eventField.number('Its number, from 0.'),
      sessions: eventField.number('How many clients it served.'),
      isReplaced: eventField.boolean('Whether another thread takes its place.'),
      error: eventField.error('Why.'),
    },
  },
  closed: {
    doc: 'A client is gone, and its exports are released.',
    fields: {
      peer,
      by: eventField.oneOf(['us', 'peer', 'error'], 'What has ended the connection.'),
      error: eventField.optional(eventField.error('Why, where there was an error.')),
    },
  },
});

/** The events on the channels `nbdjs:server:<event>`. */
export type ServerEvents = EventsOf<typeof serverEvents>;
