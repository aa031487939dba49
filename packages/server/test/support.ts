/** Clients for tests: one that plays by the rules, and one that sends whatever it is told to. */
import { type NbdClient, openClient } from '@nbdjs/client';
import { negotiate } from '@nbdjs/connection';
import type { ByteChannel, ByteSink, ExportFacts, HeaderMode } from '@nbdjs/interfaces';
import { ChunkFlag, ChunkType, encodeBlockStatusPayload, writeExtendedRequest, writeRequest } from '@nbdjs/protocol';
import { createMemoryPair } from '@nbdjs/transport';
import type { Server } from '../src/index.ts';

const signal = new AbortController().signal;

/** An ordinary client of the server, over a pair of channels in memory. */
export async function connectTo(server: Server, mode: HeaderMode = 'extended', exportName = ''): Promise<NbdClient> {
  const connector = {
    async establish() {
      const [ours, theirs] = createMemoryPair();
      void server.accept(theirs);
      return negotiate(ours, { mode, exportName, contexts: ['base:allocation'] }, { signal, name: 'test' });
    },
    retry() {},
    release() {},
  };
  return openClient(connector, {}, 'test');
}

/** One chunk of a reply, or a simple reply. */
export interface Reply {
  readonly cookie: bigint;
  readonly type: number | 'simple';
  readonly isDone: boolean;
  readonly error: number;
  /** Extended headers only. */
  readonly requestOffset?: bigint | undefined;
  readonly content: Uint8Array;
}

export interface RawRequest {
  readonly type: number;
  readonly flags?: number;
  readonly cookie?: bigint;
  readonly offset?: bigint | number;
  readonly length?: bigint | number;
  readonly payload?: Uint8Array;
}

/** Past the handshake, on its own: sends requests of any kind and takes the replies apart. */
export class RawClient implements ByteSink {
  readonly channel: ByteChannel;
  readonly facts: ExportFacts;
  readonly replies: Reply[] = [];
  /** The server has ended the connection. */
  hasEnded = false;
  readonly #readLengths = new Map<bigint, number>();
  readonly #memory = new Uint8Array(64 * 1024);
  #bytes = new Uint8Array(0);
  #wake: () => void = () => {};
  #cookie = 0n;

  constructor(channel: ByteChannel, facts: ExportFacts) {
    this.channel = channel;
    this.facts = facts;
    channel.open(this);
  }

  static async connect(
    server: Server,
    mode: HeaderMode,
    contexts: readonly string[] = ['base:allocation'],
    exportName = '',
  ): Promise<RawClient> {
    const [ours, theirs] = createMemoryPair();
    void server.accept(theirs);
    const options = { mode, exportName, contexts };
    const { channel, facts } = await negotiate(ours, options, { signal, name: 'test' });
    return new RawClient(channel, facts);
  }

  /** Sends requests in one go; gives their cookies. */
  send(...requests: readonly RawRequest[]): readonly bigint[] {
    const cookies: bigint[] = [];
    const chunks: Uint8Array[] = [];
    for (const request of requests) {
      const cookie = request.cookie ?? ++this.#cookie;
      cookies.push(cookie);
      chunks.push(this.#header(request, cookie));
      if (request.payload !== undefined) chunks.push(request.payload);
      if (request.type === 0) this.#readLengths.set(cookie, Number(request.length ?? 0));
    }
    this.channel.send(chunks);
    return cookies;
  }

  /** Sends one request and gives all that answers it. */
  async ask(request: RawRequest): Promise<readonly Reply[]> {
    const [cookie] = this.send(request);
    return this.answerTo(cookie as bigint);
  }

  async answerTo(cookie: bigint): Promise<readonly Reply[]> {
    const mine = (): Reply[] => this.replies.filter((reply) => reply.cookie === cookie);
    await this.until(() => mine().some(({ isDone }) => isDone));
    return mine();
  }

  /** The error number of the answer. */
  async errorOf(request: RawRequest): Promise<number> {
    return (await this.ask(request)).find(({ error }) => error !== 0)?.error ?? 0;
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.hasEnded) throw new Error('the server has ended the connection');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  writable(): Uint8Array {
    return this.#memory;
  }

  advance(byteCount: number): void {
    const bytes = new Uint8Array(this.#bytes.length + byteCount);
    bytes.set(this.#bytes);
    bytes.set(this.#memory.subarray(0, byteCount), this.#bytes.length);
    this.#bytes = bytes;
    for (let reply = this.#take(); reply !== undefined; reply = this.#take()) this.replies.push(reply);
    this.#wake();
  }

  drained(): void {}

  ended(): void {
    this.hasEnded = true;
    this.channel.destroy();
    this.#wake();
  }

  #header(request: RawRequest, cookie: bigint): Uint8Array {
    const { type, flags = 0 } = request;
    const offset = BigInt(request.offset ?? 0);
    const length = BigInt(request.length ?? request.payload?.length ?? 0);
    const halves = (value: bigint): [number, number] => [Number(value >> 32n), Number(value & 0xffff_ffffn)];
    const [cookieHigh, cookieLow] = halves(cookie);
    const [offsetHigh, offsetLow] = halves(offset);
    const [lengthHigh, lengthLow] = halves(length);
    const isExtended = this.facts.mode === 'extended';
    const bytes = new Uint8Array(isExtended ? 32 : 28);
    const view = new DataView(bytes.buffer);
    if (isExtended) {
      writeExtendedRequest(view, 0, flags, type, cookieHigh, cookieLow, offsetHigh, offsetLow, lengthHigh, lengthLow);
    } else {
      writeRequest(view, 0, flags, type, cookieHigh, cookieLow, offsetHigh, offsetLow, lengthLow);
    }
    return bytes;
  }

  #take(): Reply | undefined {
    const bytes = this.#bytes;
    if (bytes.length < 16) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const magic = view.getUint32(0);
    if (magic === 0x6744_6698) {
      const error = view.getUint32(4);
      const cookie = view.getBigUint64(8);
      const contentBytes = error === 0 && this.facts.mode === 'simple' ? (this.#readLengths.get(cookie) ?? 0) : 0;
      return this.#consume(16, contentBytes, { cookie, type: 'simple', isDone: true, error });
    }
    const isExtended = magic === 0x6e8a_278c;
    if (!isExtended && magic !== 0x668e_33ef) throw new Error(`reply magic 0x${magic.toString(16)}`);
    const headerBytes = isExtended ? 32 : 20;
    if (bytes.length < headerBytes) return undefined;
    const length = isExtended ? Number(view.getBigUint64(24)) : view.getUint32(16);
    const type = view.getUint16(6);
    if (bytes.length < headerBytes + length) return undefined;
    return this.#consume(headerBytes, length, {
      cookie: view.getBigUint64(8),
      type,
      isDone: (view.getUint16(4) & ChunkFlag.Done) !== 0,
      error: (type & 0x8000) === 0 ? 0 : view.getUint32(headerBytes),
      requestOffset: isExtended ? view.getBigUint64(16) : undefined,
    });
  }

  #consume(headerBytes: number, contentBytes: number, reply: Omit<Reply, 'content'>): Reply | undefined {
    const end = headerBytes + contentBytes;
    if (this.#bytes.length < end) return undefined;
    const content = this.#bytes.slice(headerBytes, end);
    this.#bytes = this.#bytes.slice(end);
    return { ...reply, content };
  }
}

/** Puts the chunks of a read together again, and counts its holes. */
export function assemble(
  replies: readonly Reply[],
  offset: bigint,
  length: number,
): { bytes: Uint8Array; holes: number } {
  const bytes = new Uint8Array(length).fill(0xaa);
  let holes = 0;
  let covered = 0;
  for (const { type, content } of replies) {
    if (type === 'simple') {
      bytes.set(content);
      covered += content.length;
      continue;
    }
    if (type === ChunkType.None) continue;
    const view = new DataView(content.buffer, content.byteOffset, content.length);
    const position = Number(view.getBigUint64(0) - offset);
    if (type === ChunkType.OffsetHole) {
      const holeBytes = view.getUint32(8);
      bytes.fill(0, position, position + holeBytes);
      covered += holeBytes;
      holes++;
    } else {
      bytes.set(content.subarray(8), position);
      covered += content.length - 8;
    }
  }
  if (covered !== length) throw new Error(`${covered} bytes of ${length} were answered`);
  return { bytes, holes };
}

export const filterPayload = encodeBlockStatusPayload;
