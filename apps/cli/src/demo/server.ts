/**
 * A small NBD server for one client: just enough for `nbd demo` to talk to. The real server is to be a package of its own.
 */
import { type BlockDevice, type ByteChannel, type ByteSink, baseAllocation } from '@nbdjs/interfaces';
import {
  ByteAssembler,
  ChunkFlag,
  type ChunkFrame,
  Command,
  decodeOptionHeader,
  encodeAckReply,
  encodeBlockStatusChunk,
  encodeDataChunkHeader,
  encodeErrorChunk,
  encodeErrorReply,
  encodeGreeting,
  encodeInfoReply,
  encodeMetaContextReply,
  encodeNoneChunk,
  HandshakeFlag,
  Malformed,
  Option,
  OptionReply,
  optionHeaderBytes,
  parseOptionRequest,
  RequestDecoder,
  type RequestHandler,
  TransmissionFlag,
  WireError,
} from '@nbdjs/protocol';

const contextId = 1;
const clientFlagsBytes = 4;
const requestBytesMax = 32 * 1024 * 1024;
const transmissionFlags =
  TransmissionFlag.HasFlags | TransmissionFlag.ReadOnly | TransmissionFlag.SendDf | TransmissionFlag.CanMultiConn;

/** Serves a device, for reading, to whoever is at the other end of the channel. */
export function serve(device: BlockDevice, channel: ByteChannel): void {
  channel.open(new DemoSession(device, channel));
}

/** Speaks fixed newstyle with extended headers. */
class DemoSession implements ByteSink, RequestHandler {
  readonly #device: BlockDevice;
  readonly #channel: ByteChannel;
  readonly #assembler = new ByteAssembler(1024 * 1024);
  #expected: 'client flags' | 'option header' | 'option payload' = 'client flags';
  #option = 0;
  #decoder: RequestDecoder | undefined;

  constructor(device: BlockDevice, channel: ByteChannel) {
    this.#device = device;
    this.#channel = channel;
    this.#assembler.expect(clientFlagsBytes);
    const handshakeFlags = HandshakeFlag.FixedNewstyle | HandshakeFlag.NoZeroes;
    channel.send([encodeGreeting({ style: 'newstyle', handshakeFlags })]);
  }

  writable(): Uint8Array {
    return (this.#decoder ?? this.#assembler).writable();
  }

  advance(byteCount: number): void {
    if (this.#decoder !== undefined) {
      this.#decoder.advance(byteCount);
      return;
    }
    this.#assembler.advance(byteCount);
    while (this.#decoder === undefined && this.#assembler.missing === 0) this.#take(this.#assembler.take());
  }

  drained(): void {}

  ended(): void {
    this.#channel.destroy();
  }

  #take(bytes: Uint8Array): void {
    if (this.#expected === 'option header') {
      const header = decodeOptionHeader(bytes);
      if (header instanceof Malformed) throw new Error(header.message);
      this.#option = header.option;
      if (header.length > 0) {
        this.#expected = 'option payload';
        this.#assembler.expect(header.length);
        return;
      }
    }
    if (this.#expected !== 'client flags') {
      this.#answer(this.#option, this.#expected === 'option payload' ? bytes : new Uint8Array(0));
    }
    this.#expected = 'option header';
    if (this.#decoder === undefined) this.#assembler.expect(optionHeaderBytes);
  }

  #answer(option: number, payload: Uint8Array): void {
    const request = parseOptionRequest(option, payload);
    if (request === undefined || request instanceof Malformed) {
      this.#channel.send([encodeErrorReply(option, OptionReply.ErrUnsupported)]);
      return;
    }
    switch (request.option) {
      case Option.ExtendedHeaders:
        this.#channel.send([encodeAckReply(option)]);
        return;
      case Option.SetMetaContext:
        this.#channel.send([
          encodeMetaContextReply(request.option, { id: contextId, name: baseAllocation }),
          encodeAckReply(option),
        ]);
        return;
      case Option.Go:
        this.#channel.send([
          encodeInfoReply(request.option, {
            kind: 'export',
            size: this.#device.geometry.size,
            transmissionFlags,
          }),
          encodeAckReply(option),
        ]);
        this.#decoder = new RequestDecoder(this, { extended: true, payloadBytesMax: requestBytesMax });
        return;
      default:
        this.#channel.send([encodeErrorReply(option, OptionReply.ErrUnsupported)]);
    }
  }

  request(
    type: number,
    _flags: number,
    cookieHigh: number,
    cookieLow: number,
    offsetHigh: number,
    offsetLow: number,
    lengthHigh: number,
    lengthLow: number,
  ): undefined {
    if (type === Command.Disconnect) {
      this.#channel.end();
      return;
    }
    const offset = (BigInt(offsetHigh) << 32n) | BigInt(offsetLow);
    const length = (BigInt(lengthHigh) << 32n) | BigInt(lengthLow);
    const frame: ChunkFrame = {
      cookie: { high: cookieHigh, low: cookieLow },
      flags: ChunkFlag.Done,
      requestOffset: offset,
    };
    this.#channel.send(this.#reply(type, frame, offset, length));
  }

  payload(): void {}

  #reply(type: number, frame: ChunkFrame, offset: bigint, length: bigint): readonly Uint8Array[] {
    const isInside = length > 0n && offset + length <= this.#device.geometry.size;
    if (isInside && type === Command.Read && length <= requestBytesMax) {
      const data = new Uint8Array(Number(length));
      // The demo's device is in memory and answers at once.
      void this.#device.read(offset, data);
      return [encodeDataChunkHeader(frame, offset, data.length), data];
    }
    if (isInside && type === Command.BlockStatus) {
      const answer = this.#device.blockStatus(offset, length);
      if (!(answer instanceof Promise)) return [encodeBlockStatusChunk(frame, contextId, answer[0]?.extents ?? [])];
    }
    if (type === Command.Flush) return [encodeNoneChunk(frame)];
    return [encodeErrorChunk(frame, WireError.Einval, new TextEncoder().encode('the demo does not do that'))];
  }
}
