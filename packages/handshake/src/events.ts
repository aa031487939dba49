/** The diagnostics events of the handshake, of either side. */
import type { HandshakeStyle } from '@nbdjs/interfaces';
import { defineEvents, type EventsOf, eventField } from '@nbdjs/kit';
import { type HandshakeState, handshakeStates } from './client/states.ts';

/** The events of `HandshakeEvents` as data: when each is published, and what its fields mean. */
export const handshakeEvents = defineEvents('handshake', {
  state: {
    doc: "The client's handshake has entered a state.",
    fields: { state: eventField.oneOf(Object.keys(handshakeStates) as HandshakeState[], 'The state.') },
  },
  greeting: {
    doc: 'The server has greeted the client.',
    fields: {
      style: eventField.oneOf<HandshakeStyle>(['oldstyle', 'newstyle', 'newstyle-fixed'], 'The kind of handshake.'),
      offered: eventField.number("The server's handshake flags."),
      agreed: eventField.number('Those of them that the client sets.'),
    },
  },
  option: {
    doc: 'The client sends an option.',
    fields: { option: eventField.text('The option, such as `GO`.') },
  },
  'option-reply': {
    doc: 'The header of a reply to an option has come.',
    fields: {
      option: eventField.number('The number of the option that is answered.'),
      type: eventField.number('The number of the reply.'),
      name: eventField.text('The name of the reply, such as `ACK`.'),
      length: eventField.bytes('The payload that follows.'),
    },
  },
});

/** The events of a client's handshake, on the channels `nbdjs:handshake:<event>`. */
export type HandshakeEvents = EventsOf<typeof handshakeEvents>;

/** What the server's side of the handshake publishes, as events of the package `server`. */
export const serverHandshakeEvents = defineEvents('server', {
  option: {
    doc: 'A client has sent an option.',
    fields: {
      option: eventField.text('The option, such as `GO`.'),
      length: eventField.bytes('Its payload.'),
    },
  },
});

/** The events of a server's handshake, on the channels `nbdjs:server:<event>`. */
export type ServerHandshakeEvents = EventsOf<typeof serverHandshakeEvents>;
