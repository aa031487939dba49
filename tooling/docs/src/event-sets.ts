/** The tables of events of all packages, and where the sources lie that publish them. */
import { connectionEvents } from '@nbdjs/connection';
import { handshakeEvents } from '@nbdjs/handshake';
import type { EventSet } from '@nbdjs/kit';
import { multiplexerEvents } from '@nbdjs/multiplexer';
import { serverEvents } from '@nbdjs/server';
import { transportEvents } from '@nbdjs/transport';
import { websocketEvents } from '@nbdjs/websocket/node';

interface PublishedEvents {
  readonly events: EventSet;
  /** Sentences for the page. */
  readonly doc: string;
  /** Folders, from the root. */
  readonly publishers: readonly string[];
}

/** From the bytes up, the server last. */
export const eventSets: readonly PublishedEvents[] = [
  {
    events: transportEvents,
    doc: 'Channels of bytes, of clients and of servers.',
    publishers: ['packages/transport/src/'],
  },
  {
    events: websocketEvents,
    doc: 'Channels over WebSocket and HTTP Upgrade, in Node.',
    publishers: ['packages/websocket/src/'],
  },
  {
    events: handshakeEvents,
    doc: "A client's handshake, unless `handshake.trace` of a connector takes its events.",
    publishers: ['packages/handshake/src/client/'],
  },
  {
    events: connectionEvents,
    doc: 'Attempts to connect.',
    publishers: ['packages/connection/src/'],
  },
  {
    events: multiplexerEvents,
    doc: "A client's requests, and its reconnecting.",
    publishers: ['packages/multiplexer/src/'],
  },
  {
    events: serverEvents,
    doc: 'A server and its clients. The option `trace` of `createServer` takes the events instead, if it is given.',
    publishers: ['packages/server/src/', 'packages/handshake/src/server/'],
  },
];
