/** A server of the fixed newstyle handshake, of which a test decides the answer to each option: also answers of servers of old. */
import { createServer, type Socket } from 'node:net';
import type { SocketAddress } from '@nbdjs/conformance/connector';
import {
  Command,
  decodeOptionHeader,
  encodeAckReply,
  encodeErrorReply,
  encodeExportNameReply,
  encodeGreeting,
  encodeInfoReply,
  encodeServerReply,
  encodeSimpleReply,
  HandshakeFlag,
  HeaderBytes,
  Malformed,
  Option,
  OptionReply,
  optionHeaderBytes,
  TransmissionFlag,
  WireError,
} from '@nbdjs/protocol';
import { listenAt, uriAt } from '../socket-address.ts';

/** What every export of this server has. */
const exportFacts = { size: 1n << 20n, transmissionFlags: TransmissionFlag.HasFlags | TransmissionFlag.SendFlush };

/** What became of a connection. */
export interface Conversation {
  /** The options that came, in order. */
  readonly options: readonly number[];
  /** Whether `NBD_CMD_DISC` came. */
  readonly disconnected: boolean;
}

/** The answer to an option: bytes, or what is done instead. `transmission` opens the export, with the reply that this takes. */
export type Answer = Uint8Array | 'silence' | 'hang up' | 'transmission';

export interface OptionServerPlan {
  /** Returns `undefined` for the answer of a server that knows EXPORT_NAME, ABORT and LIST only. */
  readonly answer: (option: number, payload: Buffer, conversation: Conversation) => Answer | undefined;
  /** Names of the exports that are listed; every name can be opened. @default [''] */
  readonly names?: readonly string[];
}

export class OptionServer implements AsyncDisposable {
  readonly #conversations: OptionConversation[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#accept(socket));
  readonly #plan: OptionServerPlan;
  /** Where it listens. */
  address: SocketAddress = { type: 'tcp', host: '127.0.0.1', port: 0 };

  private constructor(plan: OptionServerPlan) {
    this.#plan = plan;
  }

  static async start(plan: OptionServerPlan): Promise<OptionServer> {
    const server = new OptionServer(plan);
    server.address = await listenAt(server.#server, server.address);
    return server;
  }

  /** One for each connection, in order. */
  get conversations(): readonly Conversation[] {
    return this.#conversations;
  }

  uri(exportName = ''): string {
    return uriAt(this.address, exportName);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    this.#conversations.push(new OptionConversation(socket, this.#plan));
  }
}

class OptionConversation implements Conversation {
  readonly options: number[] = [];
  disconnected = false;
  readonly #socket: Socket;
  readonly #plan: OptionServerPlan;
  #input: Buffer = Buffer.alloc(0);
  #phase: 'flags' | 'options' | 'transmission' = 'flags';

  constructor(socket: Socket, plan: OptionServerPlan) {
    this.#socket = socket;
    this.#plan = plan;
    socket.on('data', (chunk: Buffer) => {
      this.#input = Buffer.concat([this.#input, chunk]);
      while (this.#takeMessage());
    });
    socket.write(encodeGreeting({ style: 'newstyle', handshakeFlags: HandshakeFlag.FixedNewstyle }));
  }

  /** Returns whether there was a whole message, and another one may follow. */
  #takeMessage(): boolean {
    if (this.#phase === 'options') return this.#takeOption();
    if (this.#phase === 'transmission') return this.#takeRequest();
    if (this.#take(4) === undefined) return false;
    this.#phase = 'options';
    return true;
  }

  #takeOption(): boolean {
    if (this.#input.length < optionHeaderBytes) return false;
    const header = decodeOptionHeader(this.#input.subarray(0, optionHeaderBytes));
    if (header instanceof Malformed) return false;
    const payload = this.#take(optionHeaderBytes + header.length)?.subarray(optionHeaderBytes);
    if (payload === undefined) return false;
    const { option } = header;
    this.options.push(option);
    const answer = this.#plan.answer(option, payload, this) ?? usualAnswer(option, this.#plan.names);
    if (answer === 'hang up') this.#socket.destroy();
    else if (answer === 'transmission') this.#open(option);
    else if (answer !== 'silence') this.#socket.write(answer);
    return answer !== 'hang up';
  }

  #open(option: number): void {
    this.#phase = 'transmission';
    if (option === Option.ExportName) this.#socket.write(encodeExportNameReply(exportFacts, false));
    if (option === Option.Go) this.#socket.write(told(option));
  }

  /** Every request fails, but for the end of the session. */
  #takeRequest(): boolean {
    const request = this.#take(HeaderBytes.Request);
    if (request === undefined) return false;
    this.disconnected = request.readUInt16BE(6) === Command.Disconnect;
    const cookie = { high: request.readUInt32BE(8), low: request.readUInt32BE(12) };
    if (this.disconnected) this.#socket.end();
    else this.#socket.write(encodeSimpleReply(cookie, WireError.Eio));
    return true;
  }

  #take(byteCount: number): Buffer | undefined {
    if (this.#input.length < byteCount) return undefined;
    const bytes = this.#input.subarray(0, byteCount);
    this.#input = this.#input.subarray(byteCount);
    return bytes;
  }
}

function usualAnswer(option: number, names: readonly string[] = ['']): Answer {
  if (option === Option.ExportName) return 'transmission';
  if (option === Option.Abort) return encodeAckReply(option);
  if (option !== Option.List) return encodeErrorReply(option, OptionReply.ErrUnsupported);
  return Buffer.concat([...names.map((name) => encodeServerReply({ name, description: '' })), encodeAckReply(option)]);
}

/** The replies to INFO and GO that describe an export and end the option. */
export function told(option: typeof Option.Info | typeof Option.Go, size: bigint = exportFacts.size): Uint8Array {
  return Buffer.concat([encodeInfoReply(option, { kind: 'export', ...exportFacts, size }), encodeAckReply(option)]);
}

/** A plan's `answer` that has INFO answered where `answer` does not decide. */
export function withInfo(answer: OptionServerPlan['answer'] = () => undefined): OptionServerPlan['answer'] {
  return (option, payload, conversation) =>
    answer(option, payload, conversation) ?? (option === Option.Info ? told(option) : undefined);
}
