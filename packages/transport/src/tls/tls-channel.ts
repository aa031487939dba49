/** A channel whose bytes travel in TLS. */
import type { TLSSocket } from 'node:tls';
import type { ByteChannel, TlsPeer } from '@nbdjs/interfaces';
import { ReceiveSide } from '../channels/receive-side.ts';
import type { SendMethod } from '../channels/send-side.ts';
import { StreamChannel } from '../channels/stream-channel.ts';
import { explainTlsError, type PeerRole, refusedSilently } from './failure.ts';
import { readInto } from './reading.ts';

/**
 * TLS copies or encrypts what it is given at once, and has finished with it only when the kernel has. Up to this many bytes count as
 * sent before; longer sends count only then, so that a peer that does not read is noticed.
 */
const copiedBytesMax = 64 * 1024;

/** A record's worth: several may be on their way when the channel is paused, and come nevertheless. */
const ownBytes = 16 * 1024;

/** The peer, and what it may have against us. */
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
        sendMethod: sendMethodOf(socket),
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
    // In any version, what was agreed on stays (TLS 1.3 has no renegotiation any more).
    socket.disableRenegotiation();
    if (!readsDirectly) socket.on('data', (bytes: Uint8Array) => receiving.receive(bytes));
    socket.pause();
    // With TLS 1.3 a server judges a client's certificate when the client has finished its handshake.
    if (role === 'server') {
      this.explainEnd = async () => (this.receivedBytes > 0 ? undefined : refusedSilently(ownFault));
    }
  }

  /** G5: TLS says goodbye before the socket closes, as far as the kernel takes it at once. */
  override destroy(cause?: Error): void {
    const { stream, isDestroyed } = this;
    if (!isDestroyed && cause === undefined && stream.writable && stream.writableLength === 0) stream.end();
    super.destroy(cause);
    this.#below.destroy(cause);
  }
}

function sendMethodOf(socket: TLSSocket): SendMethod {
  return {
    sendAtOnce: () => 0,
    hasCopied(chunks) {
      let byteCount = 0;
      for (const chunk of chunks) byteCount += chunk.length;
      return byteCount <= copiedBytesMax;
    },
    noteSlowSend: () => {},
    queuedBytes: () => socket.writableLength,
  };
}
