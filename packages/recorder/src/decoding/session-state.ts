/** What both sides of a session have agreed on so far, as a listener sees it. */
import type { HeaderMode } from '@nbdjs/interfaces';
import { HandshakeFlag, isOptionError, Option, OptionReply } from '@nbdjs/protocol';
import type { Side } from './frame.ts';
import { RequestsInFlight } from './requests-in-flight.ts';

/** Bounds of what a listener keeps about a session. */
export interface SessionLimits {
  /** Requests without an answer. */
  readonly requestsMax: number;
  /** Options without an answer. */
  readonly optionsMax: number;
}

export class SessionState {
  readonly requests = new RequestsInFlight();
  /** Whether both sides have agreed on TLS: everything behind the present messages is encrypted. */
  isEncrypted = false;
  /** The kind of replies that was agreed on. */
  mode: HeaderMode = 'simple';
  /** Why the session cannot be followed any more. */
  lost: string | undefined;
  /** `undefined` until the server has greeted. */
  style: 'newstyle' | 'oldstyle' | undefined;
  readonly #options: number[] = [];
  readonly #noZeroes = { client: false, server: false };
  readonly #limits: SessionLimits;

  constructor(limits: SessionLimits) {
    this.#limits = limits;
  }

  /** Whether the server leaves out the zeroes behind its answer to EXPORT_NAME. */
  get noZeroes(): boolean {
    return this.#noZeroes.client && this.#noZeroes.server;
  }

  /** The option that the server has to answer next. */
  get nextOption(): number | undefined {
    return this.#options[0];
  }

  /** Whether the client has asked for TLS, and has no answer. */
  get awaitsTls(): boolean {
    return this.#options.includes(Option.StartTls);
  }

  takeFlags(side: Side, flags: number): void {
    this.#noZeroes[side] = (flags & HandshakeFlag.NoZeroes) !== 0;
  }

  takeOption(option: number): void {
    if (this.#options.length < this.#limits.optionsMax) this.#options.push(option);
    else this.lost ??= `more than ${this.#limits.optionsMax} options have no answer`;
  }

  /** The server has answered EXPORT_NAME. */
  takeExport(): void {
    this.#options.shift();
  }

  /** The server does not answer this option. */
  forgetOption(option: number): void {
    const index = this.#options.lastIndexOf(option);
    if (index >= 0) this.#options.splice(index, 1);
  }

  takeOptionReply(option: number, type: number): void {
    const isFinal = type === OptionReply.Ack || isOptionError(type);
    const index = this.#options.indexOf(option);
    if (!isFinal || index < 0) return;
    this.#options.splice(index, 1);
    if (type !== OptionReply.Ack) return;
    if (option === Option.StartTls) this.isEncrypted = true;
    else if (option === Option.ExtendedHeaders) this.mode = 'extended';
    else if (option === Option.StructuredReply && this.mode === 'simple') this.mode = 'structured';
  }

  /** Returns whether there is room for one more request. */
  hasRoom(): boolean {
    if (this.requests.count >= this.#limits.requestsMax) {
      this.lost ??= `more than ${this.#limits.requestsMax} requests have no answer`;
    }
    return this.lost === undefined;
  }
}
