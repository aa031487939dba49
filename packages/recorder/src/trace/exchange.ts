/** A request and what answers it. */
import { ChunkFlag, Command, commandFlags, commands, flagNames } from '@nbdjs/protocol';
import type { Request } from '../decoding/requests-in-flight.ts';
import type { TracedMessage } from './traced-message.ts';

/** A request that is answered completely. */
export interface Exchange {
  /** When the request began, in microseconds since the log began. */
  readonly time: number;
  /** The number of its connection. */
  readonly connection: number;
  /** The request. */
  readonly request: Request;
  /** The name of its command. */
  readonly command: string;
  /** Names of its flags. */
  readonly flags: readonly string[];
  /** From the last byte of the request to the last byte of its reply, in microseconds. */
  readonly latency: number;
  /** Chunks of the reply; 1 for a simple reply. */
  readonly chunks: number;
  /** Bytes of data in the reply. */
  readonly dataBytes: number;
  /** The name of the first error in the reply, such as `EIO`. */
  readonly error?: string | undefined;
  /** The server's text about it. */
  readonly text?: string | undefined;
}

/** What is known of an exchange that is not complete. */
interface Open {
  readonly time: number;
  readonly endTime: number;
  chunks: number;
  dataBytes: number;
  error: string | undefined;
  text: string | undefined;
}

/** More requests in flight than this are not followed. */
const openMax = 2 ** 17;

/** Joins messages to exchanges. */
export class ExchangeCollector {
  readonly #sink: (exchange: Exchange) => void;
  readonly #open = new Map<Request, Open>();

  /** `sink` is called with each exchange when it is complete. */
  constructor(sink: (exchange: Exchange) => void) {
    this.#sink = sink;
  }

  /** Requests without a complete answer so far. */
  get openCount(): number {
    return this.#open.size;
  }

  /** Takes the next message. */
  add(traced: TracedMessage): void {
    const { request, kind } = traced.frame;
    if (request === undefined) return;
    if (kind !== 'request') this.#answer(request, traced);
    else if (request.command !== Command.Disconnect && this.#open.size < openMax) {
      const { time, endTime } = traced;
      this.#open.set(request, { time, endTime, chunks: 0, dataBytes: 0, error: undefined, text: undefined });
    }
  }

  #answer(request: Request, { frame, message, payloadBytes, connection, endTime }: TracedMessage): void {
    const open = this.#open.get(request);
    if (open === undefined) return;
    open.chunks++;
    open.dataBytes += payloadBytes;
    open.error ??= message.error;
    open.text ??= message.text;
    const { wire, kind } = frame;
    const isLast = kind === 'simple-reply' || ((wire[5] ?? 0) & ChunkFlag.Done) !== 0;
    if (!isLast) return;
    this.#open.delete(request);
    const { time, chunks, dataBytes, error, text } = open;
    this.#sink({
      time,
      connection,
      request,
      command: commands.name(request.command),
      flags: flagNames(commandFlags, request.flags),
      // A reply can come while the request is still being sent.
      latency: Math.max(0, endTime - open.endTime),
      chunks,
      dataBytes,
      ...(error === undefined ? {} : { error }),
      ...(text === undefined ? {} : { text }),
    });
  }
}
