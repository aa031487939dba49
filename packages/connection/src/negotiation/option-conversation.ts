/** Option mode as promises: one question at a time, each with a deadline. */
import type { AvoidableOption, ClientHandshake, ClientHandshakeOptions, OptionResult } from '@nbdjs/handshake';
import { type ByteChannel, type Cancel, type Clock, type Established, limits, UsageError } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import type { DriverEvent, HandshakeDriver } from './handshake-driver.ts';
import { IdleConnection } from './idle-connection.ts';
import { cloneError, named } from './named-error.ts';
import { type NegotiateOptions, openDriver } from './negotiate.ts';

export interface OptionConversationOptions extends NegotiateOptions {
  /** What to ask for; `optionMode` is understood. */
  readonly handshake?: ClientHandshakeOptions | undefined;
}

/** What stands at the beginning of option mode. */
export type Start = Extract<DriverEvent, { type: 'negotiating' }> | EstablishedStart;

/** The server gave away its only export without being asked. */
export interface EstablishedStart {
  readonly type: 'established';
  readonly parked: IdleConnection;
}

type Answer = Exclude<DriverEvent, { type: 'failed' }>;

interface Asker {
  resolve(answer: Answer): void;
  reject(reason: unknown): void;
}

/** Turns orders and events into promises. */
export class OptionConversation {
  readonly name: string;
  readonly avoided: readonly AvoidableOption[];
  readonly #driver: HandshakeDriver;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  #asker: Asker | undefined;
  /** Why nothing can be asked any more. */
  #end: Error | undefined;

  constructor(channel: ByteChannel, options: OptionConversationOptions, name: string) {
    const { upgradeTls, clock } = options;
    const handshake = { ...options.handshake, optionMode: true };
    const onEvent = (event: DriverEvent) => this.#hear(event);
    this.name = name;
    this.avoided = options.handshake?.avoid ?? [];
    this.#driver = openDriver(channel, handshake, { upgradeTls, clock, onEvent }, name);
    this.#timeoutMs = options.timeoutMs ?? limits.handshakeMs;
    this.#clock = options.clock ?? systemClock;
  }

  get channel(): ByteChannel {
    return this.#driver.channel;
  }

  async start(signal: AbortSignal | undefined): Promise<Start> {
    const answer = await this.#ask(() => this.#driver.start(), signal);
    if (answer.type === 'negotiating') return answer;
    if (answer.type === 'established') return { type: 'established', parked: this.#park(answer) };
    throw this.#unexpected(answer);
  }

  async result<Type extends OptionResult['type']>(
    type: Type,
    give: (machine: ClientHandshake) => void,
  ): Promise<Extract<OptionResult, { type: Type }>> {
    const answer = await this.#order(give);
    if (answer.type === 'option-done' && answer.result.type === type) {
      return answer.result as Extract<OptionResult, { type: Type }>;
    }
    throw this.#unexpected(answer);
  }

  async go(exportName: string): Promise<Established> {
    const answer = await this.#order((machine) => machine.go(exportName));
    if (answer.type !== 'established') throw this.#unexpected(answer);
    const parked = this.#park(answer);
    this.finish();
    return parked.take();
  }

  async abort(): Promise<void> {
    await this.#order((machine) => machine.abort());
    this.finish();
  }

  /** Nothing can be asked from now on. */
  finish(): void {
    this.#end ??= new UsageError('ERR_NBD_CLOSED', `${this.name}: the negotiation is over`);
  }

  close(): void {
    if (this.#end !== undefined) return;
    this.finish();
    this.#driver.abandon();
    this.#asker?.reject(this.#end);
  }

  #order(give: (machine: ClientHandshake) => void): Promise<Answer> {
    return this.#ask(() => this.#driver.order(give));
  }

  #ask(begin: () => void, signal?: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) throw cloneError(this.#end);
      signal?.throwIfAborted();
      if (this.#asker !== undefined) {
        throw new UsageError('ERR_NBD_STATE', `${this.name}: an option is outstanding already`);
      }
      let cancelDeadline: Cancel = () => {};
      const onAbort = () => this.#lose(signal?.reason);
      const leave = () => {
        cancelDeadline();
        signal?.removeEventListener('abort', onAbort);
        this.#asker = undefined;
      };
      this.#asker = {
        resolve: (answer) => {
          leave();
          resolve(answer);
        },
        reject: (reason) => {
          leave();
          reject(reason);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      cancelDeadline = this.#clock.schedule(this.#timeoutMs, () =>
        this.#lose(named(this.#driver.silence(this.#timeoutMs), this.name)),
      );
      try {
        begin();
      } catch (error) {
        this.#asker.reject(error);
      }
    });
  }

  #hear(event: DriverEvent): void {
    if (event.type === 'failed') {
      this.#end = named(event.error, this.name);
      this.#asker?.reject(cloneError(this.#end));
    } else if (event.type === 'option-failed') {
      this.#asker?.reject(named(event.error, this.name));
    } else {
      this.#asker?.resolve(event);
    }
  }

  /** Hangs up on a server that may be in the middle of an answer. */
  #lose(reason: unknown): void {
    this.#end = reason instanceof Error ? reason : new UsageError('ERR_NBD_CLOSED', `${this.name}: given up`);
    this.#driver.abandon();
    this.#asker?.reject(reason);
  }

  #park({ facts, excess }: Extract<DriverEvent, { type: 'established' }>): IdleConnection {
    return new IdleConnection(this.#driver.channel, facts, excess);
  }

  #unexpected(answer: Answer): Error {
    return new Error(`the handshake's machine gave '${answer.type}' out of turn`);
  }
}
