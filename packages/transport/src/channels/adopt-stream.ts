/** Streams that the caller has: a duplex stream of Node's, or a pair of web streams. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ByteChannel, type PeerDescription, UsageError } from '@nbdjs/interfaces';
import { describeValue } from '@nbdjs/kit';
import { announced } from '../diagnostics.ts';
import { adoptWebPair, hasMethods, isWebPair, peerDefault } from './adopt-web-streams.ts';
import { ReceiveSide } from './receive-side.ts';
import { plainSendMethod, StreamChannel } from './stream-channel.ts';
import type { WebStreamPair } from './web-stream-channel.ts';

/**
 * Makes a channel of a stream that is connected: any `Duplex` of Node's (`net.Socket`, `tls.TLSSocket`, an SSH channel, a pipe of
 * `duplexPair`, `Duplex.from({ readable, writable })`), or a `{ readable, writable }` pair of web streams of bytes.
 *
 * The stream belongs to the channel from then on; nothing else may read it, and its first byte must not have been read. Bytes are copied
 * once in each direction, because the stream may keep them. Back-pressure, half-closed streams, errors and `destroy` pass both ways.
 * A web stream is read one chunk ahead of the sink at most; up to 256 KiB wait in the writable one before `send` returns `false`.
 *
 * @param peer How the channel describes its peer. @default `{ name: 'stream', transport: 'stream', tls: false }`
 * @throws UsageError `ERR_NBD_ARGUMENT` for what is no stream of bytes in both directions, `ERR_NBD_STATE` for one that another reader or
 *   writer has, `ERR_NBD_CLOSED` for one that has ended.
 */
export function adoptStream(stream: Duplex | WebStreamPair, peer: PeerDescription = peerDefault): ByteChannel {
  if (isDuplex(stream)) return announced(adoptDuplex(stream, peer));
  if (isWebPair(stream)) return announced(adoptWebPair(stream, peer));
  const forms = 'a Duplex of Node, or { readable, writable } of web streams';
  throw new UsageError('ERR_NBD_ARGUMENT', `adoptStream: the stream is ${describeValue(stream)}, expected ${forms}`);
}

function adoptDuplex(stream: Duplex, peer: PeerDescription): StreamChannel {
  const { name } = peer;
  if (stream.readableObjectMode || stream.writableObjectMode) {
    throw new UsageError('ERR_NBD_ARGUMENT', `${name}: the stream is in object mode, expected one of bytes`);
  }
  if (stream.readableEncoding !== null) {
    const message = `${name}: the stream delivers text (${stream.readableEncoding}), expected bytes`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  if (stream.destroyed || stream.readableEnded || stream.writableEnded) {
    throw new UsageError('ERR_NBD_CLOSED', `${name}: the stream has ended`);
  }
  return new AdoptedChannel(stream, peer);
}

/**
 * A stream of unknown make. It may keep what it is given until long after it has called back, so it gets copies. It may also answer from
 * within a write, and no channel delivers from within `send`: such bytes wait for the end of the call.
 */
class AdoptedChannel extends StreamChannel<Duplex> {
  readonly #keeps: boolean;
  readonly #arrivals: Arrivals;

  constructor(stream: Duplex, peer: PeerDescription) {
    const arrivals = new Arrivals();
    super(stream, peer, { receiving: arrivals.receiving, sendMethod: plainSendMethod(stream) });
    this.#keeps = !(stream instanceof Socket);
    this.#arrivals = arrivals;
    stream.on('data', (bytes: Uint8Array) => arrivals.take(bytes));
    stream.pause();
  }

  override send(chunks: readonly Uint8Array[]): boolean {
    const given = this.#keeps ? [Buffer.concat(chunks)] : chunks;
    if (given.every(({ length }) => length === 0)) return true;
    this.#arrivals.isHeld = true;
    try {
      return super.send(given);
    } finally {
      this.#arrivals.isHeld = false;
    }
  }
}

/** Bytes on their way from the stream to the side that receives. */
class Arrivals {
  readonly receiving = new ReceiveSide();
  isHeld = false;
  readonly #waiting: Uint8Array[] = [];

  take(bytes: Uint8Array): void {
    if (!this.isHeld && this.#waiting.length === 0) {
      this.receiving.receive(bytes);
      return;
    }
    // Before the end of the stream, which comes in a later tick as well.
    if (this.#waiting.push(bytes) === 1) process.nextTick(() => this.#deliver());
  }

  #deliver(): void {
    for (const bytes of this.#waiting.splice(0)) this.receiving.receive(bytes);
  }
}

/** A class of another copy of a polyfill counts as well, so only methods are looked at. */
function isDuplex(value: object): value is Duplex {
  return hasMethods(value, 'on', 'pause', 'write', 'destroy');
}
