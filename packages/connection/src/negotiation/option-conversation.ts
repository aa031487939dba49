/** Option mode as promises: one option at a time, each with a time limit. */
import type { AvoidableOption, ClientHandshake, ClientHandshakeOptions, OptionResult } from '@nbdjs/handshake';
import { type ByteChannel, type Cancel, type Clock, type Established, limits, UsageError } from '@nbdjs/interfaces';
import { copyError } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import type { DriverEvent, HandshakeDriver } from './handshake-driver.ts';
import { IdleConnection } from './idle-connection.ts';
import { named } from './named-error.ts';
import { type NegotiateOptions, openDriver } from './negotiate.ts';

/** What a negotiation asks for, and the time limit of each option. */
export interface OptionConversationOptions extends NegotiateOptions {
  /** What to ask for. `optionMode` is always on. */
  readonly handshake?: ClientHandshakeOptions | undefined;
}

/** How option mode begins. */
export type Start = Extract<DriverEvent, { type: 'negotiating' }> | EstablishedStart;

/** The server has opened its only export without being asked. */
export interface EstablishedStart {
  readonly type: 'established';
  readonly idle: IdleConnection;
}

type Answer = Exclude<DriverEvent, { type: 'failed' }>;

interface PendingOrder {
  resolve(answer: Answer): void;
  reject(reason: unknown): void;
}

/** Turns orders to the handshake, and its events, into promises. */
export class OptionConversation {
  readonly name: string;
  readonly avoided: readonly AvoidableOption[];
  readonly #driver: HandshakeDriver;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  #pending: PendingOrder | undefined;
  /** Why no option can be sent any more. */
  #endError: Error | undefined;

  constructor(channel: ByteChannel, options: OptionConversationOptions, name: string) {
    const { upgradeTls, clock } = options;
    const handshake = { ...options.handshake, optionMode: true };
    const onEvent = (event: DriverEvent) => this.#settleOrder(event);
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
    const answer = await this.#await(() => this.#driver.start(), signal);
    if (answer.type === 'negotiating') return answer;
    if (answer.type === 'established') return { type: 'established', idle: this.#keepIdle(answer) };
    throw this.#unexpectedError(answer);
  }

  async result<Type extends OptionResult['type']>(
    type: Type,
    give: (handshake: ClientHandshake) => void,
  ): Promise<Extract<OptionResult, { type: Type }>> {
    const answer = await this.#order(give);
    if (answer.type === 'option-done' && answer.result.type === type) {
      return answer.result as Extract<OptionResult, { type: Type }>;
    }
    throw this.#unexpectedError(answer);
  }

  async go(exportName: string): Promise<Established> {
    const answer = await this.#order((handshake) => handshake.go(exportName));
    if (answer.type !== 'established') throw this.#unexpectedError(answer);
    const idle = this.#keepIdle(answer);
    this.finish();
    return idle.take();
  }

  async abort(): Promise<void> {
    await this.#order((handshake) => handshake.abort());
    this.finish();
  }

  /** No option can be sent from now on. */
  finish(): void {
    this.#endError ??= new UsageError('ERR_NBD_CLOSED', `${this.name}: the negotiation is over`);
  }

  close(): void {
    if (this.#endError !== undefined) return;
    this.finish();
    this.#driver.abandon();
    this.#pending?.reject(this.#endError);
  }

  #order(give: (handshake: ClientHandshake) => void): Promise<Answer> {
    return this.#await(() => this.#driver.order(give));
  }

  #await(begin: () => void, signal?: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#endError !== undefined) throw copyError(this.#endError);
      signal?.throwIfAborted();
      if (this.#pending !== undefined) {
        throw new UsageError('ERR_NBD_STATE', `${this.name}: an option is outstanding already`);
      }
      let cancelDeadline: Cancel = () => {};
      const onAbort = () => this.#giveUp(signal?.reason);
      const endWait = () => {
        cancelDeadline();
        signal?.removeEventListener('abort', onAbort);
        this.#pending = undefined;
      };
      this.#pending = {
        resolve: (answer) => {
          endWait();
          resolve(answer);
        },
        reject: (reason) => {
          endWait();
          reject(reason);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      cancelDeadline = this.#clock.schedule(this.#timeoutMs, () =>
        this.#giveUp(named(this.#driver.silence(this.#timeoutMs), this.name)),
      );
      try {
        begin();
      } catch (error) {
        this.#pending.reject(error);
      }
    });
  }

  #settleOrder(event: DriverEvent): void {
    if (event.type === 'failed') {
      this.#endError = named(event.error, this.name);
      this.#pending?.reject(copyError(this.#endError));
    } else if (event.type === 'option-failed') {
      this.#pending?.reject(named(event.error, this.name));
    } else {
      this.#pending?.resolve(event);
    }
  }

  /** Closes the connection to a server that may be in the middle of an answer. */
  #giveUp(reason: unknown): void {
    this.#endError = reason instanceof Error ? reason : new UsageError('ERR_NBD_CLOSED', `${this.name}: given up`);
    this.#driver.abandon();
    this.#pending?.reject(reason);
  }

  #keepIdle({ facts, excess }: Extract<DriverEvent, { type: 'established' }>): IdleConnection {
    return new IdleConnection(this.#driver.channel, facts, excess);
  }

  #unexpectedError(answer: Answer): Error {
    return new Error(`the handshake gave '${answer.type}' out of turn`);
  }
}
