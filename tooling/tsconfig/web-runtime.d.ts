/**
 * The globals that Node, pages and workers have in common, for code that runs in all of them but is not pure: it knows a clock and
 * messages. Anything else (Buffer, process, sockets, the document) fails to compile there.
 */
declare const performance: { now(): number };

declare function setTimeout(task: () => void, delayMs: number): number;
declare function clearTimeout(timer: number): void;
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
