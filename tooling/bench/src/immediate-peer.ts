/** A server with the least possible cost: it answers each write of the client in the next turn, from memory, without any checks. */
import type { ByteChannel, ByteSink, CloseReason, Connector, Established, HeaderMode } from '@nbdjs/interfaces';
import {
  ChunkFlag,
  ChunkType,
  Command,
  HeaderBytes,
  TransmissionFlag,
  writeSimpleReply,
  writeStructuredChunk,
} from '@nbdjs/protocol';

const exportBytes = 2 ** 30;
const replyBytes = 8 * 2 ** 20;

export class ImmediatePeer implements ByteChannel {
  readonly peer = { name: 'immediate', transport: 'memory', tls: false } as const;
  readonly closed: Promise<CloseReason>;
  readonly #mode: HeaderMode;
  readonly #replies = new Uint8Array(replyBytes);
  readonly #view = new DataView(this.#replies.buffer);
  readonly #deliver = (): void => this.#deliverAll();
  #used = 0;
  #payloadLeft = 0;
  #isScheduled = false;
  #sink: ByteSink | undefined;
  #settle!: (reason: CloseReason) => void;
  /** Calls of `send`. */
  sendCount = 0;

  constructor(mode: HeaderMode) {
    this.#mode = mode;
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  open(sink: ByteSink): void {
    this.#sink = sink;
  }

  send(chunks: readonly Uint8Array[]): boolean {
    this.sendCount++;
    for (const chunk of chunks) this.#take(chunk);
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#deliver);
    }
    return true;
  }

  pause(): void {}

  end(): void {
    this.destroy();
  }

  destroy(): void {
    this.#settle({ by: 'us' });
  }

  keepAlive(): void {}

  /** Requests never straddle chunks, because the client makes them in one piece. */
  #take(chunk: Uint8Array): void {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    let position = Math.min(this.#payloadLeft, chunk.length);
    this.#payloadLeft -= position;
    while (position < chunk.length) {
      const type = view.getUint16(position + 6);
      const length = view.getUint32(position + 24);
      if (type !== Command.Disconnect) this.#answer(view, position, type, length);
      position += HeaderBytes.Request;
      if (type !== Command.Write) continue;
      const inChunk = Math.min(length, chunk.length - position);
      position += inChunk;
      this.#payloadLeft = length - inChunk;
    }
  }

  #answer(view: DataView, position: number, type: number, length: number): void {
    const cookieHigh = view.getUint32(position + 8);
    const cookieLow = view.getUint32(position + 12);
    const used = this.#used;
    if (type !== Command.Read || this.#mode === 'simple') {
      writeSimpleReply(this.#view, used, 0, cookieHigh, cookieLow);
      this.#used += HeaderBytes.SimpleReply + (type === Command.Read ? length : 0);
      return;
    }
    writeStructuredChunk(this.#view, used, ChunkFlag.Done, ChunkType.OffsetData, cookieHigh, cookieLow, 8 + length);
    this.#view.setUint32(used + 20, view.getUint32(position + 16));
    this.#view.setUint32(used + 24, view.getUint32(position + 20));
    this.#used += HeaderBytes.StructuredReply + 8 + length;
  }

  #deliverAll(): void {
    this.#isScheduled = false;
    const sink = this.#sink as ByteSink;
    const used = this.#used;
    this.#used = 0;
    for (let position = 0; position < used; ) {
      const target = sink.writable();
      const byteCount = Math.min(target.length, used - position);
      target.set(this.#replies.subarray(position, position + byteCount));
      position += byteCount;
      sink.advance(byteCount);
    }
  }
}

/** Connects to a peer of one's own. */
export function immediateConnector(mode: HeaderMode): Connector & { readonly peer: ImmediatePeer } {
  const peer = new ImmediatePeer(mode);
  const established: Established = {
    channel: peer,
    excess: new Uint8Array(0),
    facts: {
      style: 'newstyle-fixed',
      mode,
      tls: false,
      exportName: '',
      size: BigInt(exportBytes),
      transmissionFlags: TransmissionFlag.HasFlags | TransmissionFlag.SendFlush | TransmissionFlag.SendFua,
      contexts: [],
    },
  };
  return { peer, establish: async () => established, retry() {}, release() {} };
}
