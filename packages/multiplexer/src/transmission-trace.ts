/** Puts the events of requests and of reconnecting together. */
import type { Trace } from '@nbdjs/interfaces';
import { chunkTypes, commandFlags, commands, flagNames, isKnownWireError } from '@nbdjs/protocol';
import type { DeviceState } from './connections/reconnect-states.ts';
import type { MultiplexerEvents } from './events.ts';
import type { Request } from './requests/request.ts';

/** Asks whether there are subscribers once per batch and delivery, not once per request. */
export class TransmissionTrace {
  isOn = false;
  readonly #trace: Trace<MultiplexerEvents>;

  constructor(trace: Trace<MultiplexerEvents>) {
    this.#trace = trace;
  }

  /** Asks whether there are subscribers. */
  look(): void {
    this.isOn = this.#trace.enabled;
  }

  request(request: Request): void {
    this.#trace.emit('request', { ...fieldsOf(request), flags: flagNames(commandFlags, request.flags) });
  }

  simpleReply(request: Request, wireError: number): void {
    this.#trace.emit('simple-reply', { ...fieldsOf(request), wireError });
  }

  chunk(request: Request, type: number): void {
    this.#trace.emit('reply-chunk', { ...fieldsOf(request), type: chunkTypes.name(type) });
  }

  reply(request: Request): void {
    const { error: wireError, details } = request;
    this.#trace.emit('reply', { ...fieldsOf(request), wireError });
    if (wireError === 0) return;
    this.#trace.emit('request-failed', { ...fieldsOf(request), wireError, text: details?.errorText });
    if (!isKnownWireError(wireError)) this.#trace.emit('unknown-error', { ...fieldsOf(request), wireError });
  }

  state(state: DeviceState): void {
    if (this.#trace.enabled) this.#trace.emit('state', { state });
  }

  reconnectAttempt(isWaiting: boolean): void {
    if (this.#trace.enabled) this.#trace.emit('reconnect-attempt', { wait: isWaiting });
  }

  /** `error` is absent after a success. */
  reconnectAttemptResult(error: Error | undefined): void {
    if (this.#trace.enabled) this.#trace.emit('reconnect-attempt-result', error === undefined ? {} : { error });
  }

  /** Writes were replayed after a loss. */
  replayed(requests: number): void {
    if (this.#trace.enabled) this.#trace.emit('replay', { requests });
  }
}

function fieldsOf(request: Request) {
  return {
    command: commands.name(request.command),
    offset: request.offset,
    length: request.length,
    cookie: `0x${hex(request.cookieHigh)}${hex(request.slot)}`,
  };
}

function hex(half: number): string {
  return (half >>> 0).toString(16).padStart(8, '0');
}
