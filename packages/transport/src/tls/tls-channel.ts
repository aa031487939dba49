/** A channel whose bytes travel in TLS. */
import type { TLSSocket } from 'node:tls';
import type { ByteChannel, TlsPeer } from '@nbdjs/interfaces';
import { ReceiveSide } from '../channels/receive-side.ts';
import type { SendMethod } from '../channels/send-side.ts';
import { GrowingSendBuffer } from '../channels/socket-buffer.ts';
import { SocketChannel } from '../channels/socket-channel.ts';
import { StreamChannel } from '../channels/stream-channel.ts';
import { explainTlsError, type PeerRole, refusedSilently } from './failure.ts';
import { readInto } from './reading.ts';

/**
 * TLS copies or encrypts at once what it is given, and reports it as sent only when the kernel has taken it. Sends of up to this many
 * bytes count as sent at once. Longer ones wait for the report, so that a peer that does not read is noticed.
 */
const copiedBytesMax = 64 * 1024;

/** The length of a TLS record, in bytes. When the channel is paused, several records that are on their way arrive nevertheless. */
const ownBytes = 16 * 1024;

/** The role of the peer, and what it may find wrong with our own certificate. */
interface OtherSide {
  readonly role: PeerRole;
  readonly ownFault: string | undefined;
}

/** A channel on top of another one, which belongs to it, and is closed with it. */
export class TlsChannel extends StreamChannel<TLSSocket> {
  /** What the peer has shown of itself. */
  readonly tls: TlsPeer;
  readonly #below: ByteChannel;

  /** `socket` is past its handshake, and `below` carries its bytes. */
  constructor(socket: TLSSocket, below: ByteChannel, tls: TlsPeer, { role, ownFault }: OtherSide) {
    const receiving = new ReceiveSide(ownBytes);
    const readsDirectly = readInto(socket, receiving.onread);
    super(
      socket,
      { ...below.peer, tls: true },
      {
        receiving,
        sendMethod: sendMethodOf(socket, below),
        explainError: (error) => {
          const explained = explainTlsError(error, role, ownFault);
          if (explained !== error) this.explainEnd = undefined;
          return explained;
        },
        // RFC 8446, 6.2: after a fatal alert, sent or received, both sides close at once. TLS has sent its own alert by now.
        releaseBelow: () => below.destroy(),
      },
    );
    this.tls = tls;
    this.#below = below;
    // TLS 1.2 could negotiate again; TLS 1.3 cannot.
    socket.disableRenegotiation();
    if (!readsDirectly) socket.on('data', (bytes: Uint8Array) => receiving.receive(bytes));
    socket.pause();
    // With TLS 1.3 a server checks the client's certificate when the client has finished its handshake.
    if (role === 'server') {
      this.explainEnd = async () => (this.receivedBytes > 0 ? undefined : refusedSilently(ownFault));
    }
  }

  /** G5: sends TLS's `close_notify` before the socket closes, unless other bytes still wait to be sent. */
  override destroy(cause?: Error): void {
    const { stream, isDestroyed } = this;
    if (!isDestroyed && cause === undefined && stream.writable && stream.writableLength === 0) stream.end();
    super.destroy(cause);
    this.#below.destroy(cause);
  }
}

function sendMethodOf(socket: TLSSocket, below: ByteChannel): SendMethod {
  const sendBuffer = below instanceof SocketChannel ? new GrowingSendBuffer(below.stream) : undefined;
  return {
    sendAtOnce: () => 0,
    hasCopied(chunks) {
      let byteCount = 0;
      for (const chunk of chunks) byteCount += chunk.length;
      return byteCount <= copiedBytesMax;
    },
    noteSlowSend: () => sendBuffer?.noteSlowSend(),
    queuedBytes: () => socket.writableLength,
  };
}
