/** A channel whose bytes travel in TLS. */
import type { TLSSocket } from 'node:tls';
import type { ByteChannel } from '@nbdjs/interfaces';
import { LandingChannel } from '../landing-channel.ts';
import { explainTlsError, type PeerRole, refusedSilently } from './failure.ts';
import { readInto } from './reading.ts';
import type { TlsPeer } from './settings.ts';

/**
 * TLS copies or encrypts what it is given at once, and is through with it only when the kernel is. Up to so many bytes are off the
 * sender's books before; longer ones count until then, so that whoever does not read is noticed.
 */
const copiedBytesMax = 64 * 1024;

/** A record's worth: several may be on their way when the channel is paused, and come all the same. */
const holdingBytes = 16 * 1024;

/** Who is there, and what it may have against us. */
interface OtherSide {
  readonly role: PeerRole;
  readonly ownFault: string | undefined;
}

export class TlsChannel extends LandingChannel<TLSSocket> {
  /** Who is at the other end. */
  readonly tls: TlsPeer;
  readonly #below: ByteChannel;
  readonly #other: OtherSide;

  /** `socket` is past its handshake, and carried by `below`. */
  constructor(socket: TLSSocket, below: ByteChannel, tls: TlsPeer, other: OtherSide) {
    let readsDirectly = false;
    const make = (onread: Parameters<typeof readInto>[1]): TLSSocket => {
      readsDirectly = readInto(socket, onread);
      return socket;
    };
    super(make, { ...below.peer, tls: true }, holdingBytes);
    this.tls = tls;
    this.#below = below;
    this.#other = other;
    // Whatever version: what was agreed on stays (and TLS 1.3 knows no renegotiation any more).
    socket.disableRenegotiation();
    if (!readsDirectly) socket.on('data', (bytes: Uint8Array) => this.deliver(() => this.pour(bytes)));
    socket.pause();
    // With TLS 1.3 a server gets to judge a client's certificate when the client has finished its handshake.
    if (other.role === 'server') {
      this.explainEnd = async () => (this.receivedBytes > 0 ? undefined : refusedSilently(other.ownFault));
    }
  }

  get receivedBytes(): number {
    return this.stream.bytesRead;
  }

  /** G5: TLS says goodbye before the socket closes, as far as the kernel takes it at once. */
  override destroy(cause?: Error): void {
    const { stream, isDestroyed } = this;
    if (!isDestroyed && cause === undefined && stream.writable && stream.writableLength === 0) stream.end();
    super.destroy(cause);
    this.#below.destroy(cause);
  }

  /** RFC 8446, 6.2: after a fatal alert, sent or received, both sides close at once. TLS has handed its own alert on by now. */
  protected override breakOff(): void {
    super.breakOff();
    this.#below.destroy();
  }

  protected override copies(chunks: readonly Uint8Array[]): boolean {
    let byteCount = 0;
    for (const chunk of chunks) byteCount += chunk.length;
    return byteCount <= copiedBytesMax;
  }

  protected override explain(error: Error): Error {
    const explained = explainTlsError(error, this.#other.role, this.#other.ownFault);
    if (explained !== error) this.explainEnd = undefined;
    return explained;
  }
}
