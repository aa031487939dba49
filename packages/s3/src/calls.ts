/** Requests about one key, with failures as errors of the seam. */
import type { Abortable, UsageError } from '@nbdjs/kit';
import { isNbdError } from '@nbdjs/kit';
import { isStoreError, StoreError, type StoreOperation } from '@nbdjs/objects';
import { type AnswerFacts, factsOf } from './answers/facts.ts';
import { ExchangeError } from './requests/exchange.ts';
import type { S3Answer, S3Request } from './requests/request.ts';
import { type Requests, S3Refusal } from './requests/requests.ts';

/** What stands behind one error. */
interface ErrorDetails {
  readonly cause?: unknown;
  readonly retryAfterMs?: number | undefined;
}

/** Sends requests for a store. */
export class Calls {
  readonly #requests: Requests;
  /** In front of all keys: empty, or with a `/` at its end. */
  readonly prefix: string;

  constructor(requests: Requests, prefix: string) {
    this.#requests = requests;
    this.prefix = prefix;
  }

  get name(): string {
    const { name } = this.#requests.target;
    return this.prefix === '' ? name : `${name}, under '${this.prefix}'`;
  }

  get isClosed(): boolean {
    return this.#requests.isClosed;
  }

  close(error: UsageError): void {
    this.#requests.close(error);
  }

  /** Sends a request about the key or, for a list, about the bucket. */
  async send(operation: StoreOperation, key: string, request: S3Request, { signal }: Abortable): Promise<S3Answer> {
    const whole = operation === 'list' ? request : { ...request, key: this.prefix + key };
    try {
      return await this.#requests.send(whole, signal);
    } catch (reason) {
      if (reason instanceof S3Refusal) {
        const { kind, retryAfterMs } = reason.failure;
        throw this.error(operation, key, kind.code, reason.message, { cause: reason, retryAfterMs });
      }
      if (reason instanceof ExchangeError) {
        throw this.error(operation, key, 'ERR_NBD_STORE_TRANSIENT', reason.message, { cause: reason.cause });
      }
      // There are no credentials: it is worth knowing which call that ends.
      if (isStoreError(reason) && reason.key === undefined)
        throw this.error(operation, key, reason.code, reason.message);
      throw reason;
    }
  }

  /** Reads the headers of an answer. */
  facts(operation: StoreOperation, key: string, answer: S3Answer): AnswerFacts {
    const facts = factsOf(answer);
    if (typeof facts !== 'string') return facts;
    throw this.error(operation, key, 'ERR_NBD_STORE_TRANSIENT', facts);
  }

  error(
    operation: StoreOperation,
    key: string,
    code: StoreError['code'],
    what: string,
    details: ErrorDetails = {},
  ): StoreError {
    return new StoreError(code, `${operation} of '${key}' in ${this.name}: ${what}`, { operation, key, ...details });
  }
}

/** What the store has answered, if that is why a call failed. */
export function refusalOf(error: unknown): S3Refusal['failure'] | undefined {
  return isNbdError(error) && error.cause instanceof S3Refusal ? error.cause.failure : undefined;
}
