/** The client in Node, which has Node's streams as well. */
import type { Readable, Writable } from 'node:stream';
import { NbdClient as CoreClient } from './core/client.ts';
import type { ReadStreamOptions, WriteStreamOptions } from './stream-options.ts';
import { createReadStream, createWriteStream } from './streams.ts';

/** An open export, with streams of Node. Use `connect`, `openClient` or `adoptConnection`. */
export class NbdClient extends CoreClient {
  /** Returns the bytes of a range as a Node stream that reads ahead. */
  createReadStream(options?: ReadStreamOptions): Readable {
    return createReadStream(this, options);
  }

  /** Returns a Node stream that stores what is written to it, and flushes at its end. */
  createWriteStream(options?: WriteStreamOptions): Writable {
    return createWriteStream(this, options);
  }
}
