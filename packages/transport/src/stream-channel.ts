/** Any duplex stream as a `ByteChannel`, at the price of one copy: for what cannot read into our memory. */
import type { Duplex } from 'node:stream';
import type { PeerDescription } from '@nbdjs/interfaces';
import { DuplexChannel } from './duplex-channel.ts';

export class StreamChannel extends DuplexChannel<Duplex> {
  #receivedBytes = 0;

  constructor(stream: Duplex, peer: PeerDescription) {
    super(stream, peer);
    stream.on('data', (bytes: Uint8Array) => {
      this.#receivedBytes += bytes.length;
      this.deliver(() => this.pour(bytes));
    });
    stream.pause();
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }
}
