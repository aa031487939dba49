/** Requests that are put right once when the store says what is wrong with them: the clock, the region, or the credentials. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { listenForAbort, stopListeningForAbort, untilAborted } from '@nbdjs/kit';
import type { Correction } from '../answers/error-kinds.ts';
import { readFailure, type S3Failure } from '../answers/s3-failure.ts';
import { CredentialsSource, type S3Credentials } from '../settings/credentials.ts';
import { isRegion } from '../settings/endpoint.ts';
import type { S3Settings } from '../settings/options.ts';
import { type Target, TargetSource } from '../settings/target.ts';
import { usualChain } from '../settings/usual-chain.ts';
import { ExchangeError, exchange } from './exchange.ts';
import { isSuccess, type S3Answer, type S3Request } from './request.ts';
import { sign } from './sign.ts';

/** The store has answered with an error. */
export class S3Refusal extends Error {
  override readonly name = 'S3Refusal';
  readonly failure: S3Failure;

  constructor(failure: S3Failure, words: string) {
    super(words);
    this.failure = failure;
  }
}

type Attempt = { readonly target: Target; readonly credentials: S3Credentials | undefined };

/** A smaller difference of the clocks is not the reason for a refusal. */
const skewMsMin = 60_000;

/** Sends requests to one bucket. */
export class Requests {
  readonly target: TargetSource;
  readonly #settings: S3Settings;
  readonly #credentials: CredentialsSource | undefined;
  readonly #inFlight = new Set<AbortController>();
  #closedBy: Error | undefined;
  #ownAgent: HttpAgent | undefined;
  /** How far the clock of the store is ahead of ours. */
  #aheadMs = 0;

  constructor(settings: S3Settings) {
    const { credentials, profile, clock } = settings;
    this.#settings = settings;
    this.target = new TargetSource(settings);
    if (credentials === 'anonymous') return;
    const provider =
      typeof credentials === 'function'
        ? credentials
        : credentials === undefined
          ? usualChain(profile, (message) => this.#tell(message))
          : async () => credentials;
    this.#credentials = new CredentialsSource(provider, clock, () => settings.now());
  }

  get isClosed(): boolean {
    return this.#closedBy !== undefined;
  }

  /** Ends the connections; requests in flight fail with the error. */
  close(error: Error): void {
    this.#closedBy ??= error;
    for (const abort of this.#inFlight) abort.abort(error);
    this.#ownAgent?.destroy();
  }

  /**
   * Sends a request, and once more for each thing that was put right.
   *
   * @throws S3Refusal when the store answers with an error, ExchangeError when there is no answer, StoreError when there are no credentials.
   */
  async send(request: S3Request, signal: AbortSignal | undefined): Promise<S3Answer> {
    if (this.#closedBy !== undefined) throw this.#closedBy;
    signal?.throwIfAborted();
    const abort = new AbortController();
    const onAbort = (): void => abort.abort(signal?.reason);
    this.#inFlight.add(abort);
    if (signal !== undefined) listenForAbort(signal, onAbort);
    try {
      return await this.#send(request, abort.signal);
    } finally {
      this.#inFlight.delete(abort);
      if (signal !== undefined) stopListeningForAbort(signal, onAbort);
    }
  }

  async #send(request: S3Request, signal: AbortSignal): Promise<S3Answer> {
    const done = new Map<Correction, string>();
    for (;;) {
      const target = await untilAborted(this.target.get(), signal);
      const credentials = await untilAborted(this.#credentialsNow(), signal);
      const answer = await this.#exchange(request, { target, credentials }, signal);
      if (isSuccess(answer)) return answer;
      const failure = readFailure(answer);
      const { correction } = failure.kind;
      const words =
        correction === undefined || done.has(correction)
          ? undefined
          : await this.#correct(correction, failure, { target, credentials });
      if (correction === undefined || words === undefined) {
        throw new S3Refusal(failure, this.#inWords(failure, target, [...done.values()]));
      }
      done.set(correction, words);
      this.#tell(`${this.target.name}: ${words}`);
    }
  }

  async #exchange(request: S3Request, { target, credentials }: Attempt, signal: AbortSignal): Promise<S3Answer> {
    const { address } = target;
    const nowMs = this.#settings.now() + this.#aheadMs;
    const wire = await sign(request, target, credentials, nowMs);
    const agent = this.#settings.agent ?? this.#agentFor(address.protocol);
    try {
      return await exchange(request, wire, address, agent, this.#settings, signal);
    } catch (error) {
      // A store may close a connection that we keep at the moment in which we use it. What changes nothing is sent again at once.
      const isHarmless = request.method === 'GET' || request.method === 'HEAD';
      if (!isHarmless || !(error instanceof ExchangeError) || !error.isStale) throw error;
      return exchange(request, wire, address, agent, this.#settings, signal);
    }
  }

  #agentFor(protocol: 'http:' | 'https:'): HttpAgent {
    const options = { keepAlive: true, maxSockets: this.#settings.connections, scheduling: 'lifo' } as const;
    this.#ownAgent ??= protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options);
    return this.#ownAgent;
  }

  /** Puts something right. Returns what, in words; `undefined` when it cannot be put right. */
  async #correct(correction: Correction, failure: S3Failure, attempt: Attempt): Promise<string | undefined> {
    switch (correction) {
      case 'clock':
        return this.#correctClock(failure);
      case 'credentials':
        return this.#correctCredentials(attempt.credentials);
      case 'region':
        return this.#correctRegion(failure, attempt.target);
    }
  }

  #correctClock({ storeMs }: S3Failure): string | undefined {
    if (storeMs === undefined) return undefined;
    const aheadMs = storeMs - this.#settings.now();
    // Requests that were in flight at the same time have had the same answer.
    if (Math.abs(aheadMs) < skewMsMin && this.#aheadMs === 0) return undefined;
    this.#aheadMs = aheadMs;
    const seconds = Math.round(Math.abs(aheadMs) / 1000);
    return `the clock of this machine is ${seconds} s ${aheadMs > 0 ? 'behind' : 'ahead of'} that of the store, which is used now`;
  }

  async #correctCredentials(credentials: S3Credentials | undefined): Promise<string | undefined> {
    // Credentials that were given as they are do not change.
    if (credentials === undefined || typeof this.#settings.credentials === 'object') return undefined;
    await this.#credentials?.replace(credentials);
    return 'the store did not accept the credentials any more, new ones are used now';
  }

  #correctRegion({ region }: S3Failure, target: Target): string | undefined {
    if (!isRegion(region)) return undefined;
    const present = this.target.present?.region ?? target.region;
    if (region === target.region) return undefined;
    if (region !== present) this.target.moveTo(region);
    return `the bucket is in the region ${region}, not in ${target.region}`;
  }

  #inWords(failure: S3Failure, { address }: Target, done: readonly string[]): string {
    const { kind, endpoint, words } = failure;
    const isElsewhere = kind.correction === 'region' && endpoint !== undefined && endpoint !== address.host;
    const parts = [words];
    if (isElsewhere) parts.push(`the store wants to be asked at '${endpoint.slice(0, 255)}'`);
    return [...parts, ...done].join('; ');
  }

  async #credentialsNow(): Promise<S3Credentials | undefined> {
    return this.#credentials?.get();
  }

  #tell(message: string): void {
    this.#settings.onNotice?.(message);
  }
}
