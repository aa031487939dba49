/** The events that the multiplexer reports, in QEMU's names where it has some. */
import type { Trace } from '@nbdjs/interfaces';
import { chunkTypes, commandFlags, commands, flagNames, isKnownWireError } from '@nbdjs/protocol';
import type { Request } from './requests/request.ts';

/**
 * Names of all events, for those who make a channel of each.
 *
 * `request` (QEMU's `nbd_send_request`), `simple-reply`, `reply-chunk`, `reply` (a request was answered), `request-fail`
 * (`nbd_co_request_fail`), `unknown-error`, `state`, `reconnect-attempt`, `reconnect-attempt-result`, `replay` (a new server
 * has got again what the old one had not flushed).
 */
export const traceEvents = [
  'request',
  'simple-reply',
  'reply-chunk',
  'reply',
  'request-fail',
  'unknown-error',
  'state',
  'reconnect-attempt',
  'reconnect-attempt-result',
  'replay',
] as const;

/** Puts events together. Whether events are listened to is asked once per batch and delivery, not once per request. */
export class TransmissionTrace {
  isOn = false;
  readonly #trace: Trace;

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  /** Asks whether events are listened to. */
  look(): void {
    this.isOn = this.#trace.enabled;
  }

  request(request: Request): void {
    this.#emit('request', request, { flags: flagNames(commandFlags, request.flags) });
  }

  simpleReply(request: Request, error: number): void {
    this.#emit('simple-reply', request, { error });
  }

  chunk(request: Request, type: number): void {
    this.#emit('reply-chunk', request, { type: chunkTypes.name(type) });
  }

  reply(request: Request): void {
    const { error, details } = request;
    this.#emit('reply', request, { error });
    if (error === 0) return;
    this.#emit('request-fail', request, { error, text: details?.errorText });
    if (!isKnownWireError(error)) this.#emit('unknown-error', request, { error });
  }

  state(state: string): void {
    if (this.#trace.enabled) this.#trace.emit('state', { state });
  }

  reconnectAttempt(isWaiting: boolean): void {
    if (this.#trace.enabled) this.#trace.emit('reconnect-attempt', { wait: isWaiting });
  }

  /** `error` is absent after a success. */
  reconnectAttemptResult(error: Error | undefined): void {
    if (this.#trace.enabled) this.#trace.emit('reconnect-attempt-result', { error: error?.message });
  }

  /** Writes were replayed after a loss. */
  replayed(requests: number): void {
    if (this.#trace.enabled) this.#trace.emit('replay', { requests });
  }

  #emit(event: (typeof traceEvents)[number], request: Request, details: Readonly<Record<string, unknown>>): void {
    this.#trace.emit(event, {
      command: commands.name(request.command),
      offset: request.offset,
      length: request.length,
      cookie: `0x${hex(request.cookieHigh)}${hex(request.slot)}`,
      ...details,
    });
  }
}

function hex(half: number): string {
  return (half >>> 0).toString(16).padStart(8, '0');
}
