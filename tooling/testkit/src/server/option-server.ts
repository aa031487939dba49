/** A server of the newstyle handshake whose answers to options a test decides; for what no program does any more. */
import { createServer, type Socket } from 'node:net';
import {
  Command,
  decodeOptionHeader,
  encodeAckReply,
  encodeErrorReply,
  encodeGreeting,
  encodeInfoReply,
  encodeServerReply,
  HandshakeFlag,
  HeaderBytes,
  Malformed,
  Option,
  OptionReply,
  optionHeaderBytes,
  TransmissionFlag,
  TransmissionMagic,
  WireError,
} from '@nbdjs/protocol';

const optionServerSize = 1n << 20n;

/** What became of a connection: the options that came, in order, and the command that ended it, if any. */
export interface Conversation {
  readonly options: number[];
  disconnected: boolean;
}

/** The answer to an option; nothing for silence, `hang up` for that. */
export type Answer = Uint8Array | 'silence' | 'hang up' | 'transmission';

export interface OptionServerPlan {
  /** Nothing for the usual answer of a server that knows LIST and EXPORT_NAME only. */
  readonly answer: (option: number, payload: Buffer, conversation: Conversation) => Answer | undefined;
  readonly names?: readonly string[];
}

export class OptionServer implements AsyncDisposable {
  readonly conversations: Conversation[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#converse(socket));
  readonly #plan: OptionServerPlan;
  #port = 0;

  constructor(plan: OptionServerPlan) {
    this.#plan = plan;
  }

  static async start(plan: OptionServerPlan): Promise<OptionServer> {
    const server = new OptionServer(plan);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    server.#port = (server.#server.address() as { port: number }).port;
    return server;
  }

  uri(exportName = ''): string {
    return `nbd://127.0.0.1:${this.#port}/${encodeURIComponent(exportName)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #converse(socket: Socket): void {
    const conversation: Conversation = { options: [], disconnected: false };
    this.conversations.push(conversation);
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    socket.write(encodeGreeting({ style: 'newstyle', handshakeFlags: HandshakeFlag.FixedNewstyle }));
    let input = Buffer.alloc(0);
    let state: 'flags' | 'options' | 'transmission' = 'flags';
    const take = (byteCount: number): Buffer | undefined => {
      if (input.length < byteCount) return undefined;
      const bytes = input.subarray(0, byteCount);
      input = input.subarray(byteCount);
      return bytes;
    };
    const step = (): boolean => {
      if (state === 'flags') {
        if (take(4) === undefined) return false;
        state = 'options';
        return true;
      }
      if (state === 'transmission') {
        const request = take(28);
        if (request === undefined) return false;
        conversation.disconnected = request.readUInt16BE(6) === Command.Disconnect;
        if (conversation.disconnected) socket.end();
        else socket.write(refusal(request));
        return true;
      }
      if (input.length < optionHeaderBytes) return false;
      const header = decodeOptionHeader(input.subarray(0, optionHeaderBytes));
      if (header instanceof Malformed || input.length < optionHeaderBytes + header.length) return false;
      const payload = take(optionHeaderBytes + header.length)?.subarray(optionHeaderBytes) as Buffer;
      conversation.options.push(header.option);
      const answer = this.#plan.answer(header.option, payload, conversation) ?? this.#usual(header.option);
      if (answer === 'hang up') socket.destroy();
      else if (answer === 'transmission') state = 'transmission';
      else if (answer !== 'silence') socket.write(answer);
      if (header.option === Option.ExportName && answer === 'transmission') socket.write(exportNameReply());
      if (header.option === Option.Go && answer === 'transmission') socket.write(told(Option.Go));
      return answer !== 'hang up';
    };
    socket.on('data', (chunk) => {
      input = Buffer.concat([input, chunk]);
      while (step());
    });
  }

  #usual(option: number): Answer {
    if (option === Option.ExportName) return 'transmission';
    if (option === Option.Abort) return encodeAckReply(option);
    if (option !== Option.List) return encodeErrorReply(option, OptionReply.ErrUnsupported);
    const entries = (this.#plan.names ?? ['']).map((name) => encodeServerReply({ name, description: '' }));
    return Buffer.concat([...entries, encodeAckReply(option)]);
  }
}

/** The facts that INFO and GO bring. */
export function told(option: typeof Option.Info | typeof Option.Go): Uint8Array {
  const transmissionFlags = TransmissionFlag.HasFlags | TransmissionFlag.SendFlush;
  const facts = encodeInfoReply(option, { kind: 'export', size: optionServerSize, transmissionFlags });
  return Buffer.concat([facts, encodeAckReply(option)]);
}

/** Nothing can be read. */
function refusal(request: Buffer): Uint8Array {
  const reply = Buffer.alloc(HeaderBytes.SimpleReply);
  reply.writeUInt32BE(TransmissionMagic.SimpleReply);
  reply.writeUInt32BE(WireError.Eio, 4);
  request.copy(reply, 8, 8, 16);
  return reply;
}

function exportNameReply(): Uint8Array {
  const bytes = Buffer.alloc(10 + 124);
  bytes.writeBigUInt64BE(optionServerSize);
  bytes.writeUInt16BE(TransmissionFlag.HasFlags | TransmissionFlag.SendFlush, 8);
  return bytes;
}
