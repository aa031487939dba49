/**
 * The globals that Node, pages and workers have in common, for code that runs in all of them but is not pure: it knows a clock and
 * messages. Anything else (Buffer, process, sockets, the document) fails to compile there.
 */
declare const performance: { now(): number };

declare function setTimeout(task: () => void, delayMs: number): number;
declare function clearTimeout(timer: number): void;
declare function setInterval(task: () => void, intervalMs: number): number;
declare function clearInterval(timer: number | undefined): void;
declare function queueMicrotask(task: () => void): void;

interface MessagePort {
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  start(): void;
  postMessage(message: unknown, transfer?: readonly unknown[]): void;
  close(): void;
}

declare class MessageChannel {
  readonly port1: MessagePort;
  readonly port2: MessagePort;
}

declare const AbortSignal: { any(signals: readonly AbortSignal[]): AbortSignal };

interface ReadableStreamDefaultController<Chunk> {
  enqueue(chunk: Chunk): void;
  close(): void;
}

declare class ReadableStream<Chunk> {
  constructor(
    source: {
      pull(controller: ReadableStreamDefaultController<Chunk>): Promise<void>;
      cancel(reason: unknown): void;
    },
    strategy: { highWaterMark: number },
  );
}

declare class WritableStreamDefaultController {
  readonly signal: AbortSignal;
}

declare class WritableStream<Chunk> {
  constructor(sink: {
    start(controller: WritableStreamDefaultController): void;
    write(chunk: Chunk): Promise<void>;
    close(): Promise<void>;
  });
}
