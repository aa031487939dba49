/** Credentials: their form, and a source that asks for new ones in time, and for one caller at a time. */
import { type Clock, toError, UsageError } from '@nbdjs/kit';
import { StoreError } from '@nbdjs/objects';

/** What requests are signed with. It has the form that the packages `@aws-sdk/credential-provider-*` give. */
export interface S3Credentials {
  /** Names the key. */
  readonly accessKeyId: string;
  /** The secret. It signs, and is never sent. */
  readonly secretAccessKey: string;
  /** Belongs to credentials that are lent for a time. @default none */
  readonly sessionToken?: string | undefined;
  /** When they end. @default they do not */
  readonly expiration?: Date | undefined;
}

/**
 * Gives credentials. It is asked when there are none, before they expire, and, with `forceRefresh`, when the store says that they have
 * expired.
 */
export type S3CredentialsProvider = (options?: { readonly forceRefresh?: boolean }) => Promise<S3Credentials>;

/** So long before their end, credentials are replaced: a request that is under way still has them then. */
const spareMs = 60_000;

/** A provider that does not answer is given up after this time; it may ask an instance, a file or a program. */
const providerMs = 30_000;

/** Credentials as they are now. */
export class CredentialsSource {
  readonly #provider: S3CredentialsProvider;
  readonly #clock: Clock;
  readonly #now: () => number;
  #present: S3Credentials | undefined;
  #asking: Promise<S3Credentials> | undefined;

  /** `now`: milliseconds since 1970. */
  constructor(provider: S3CredentialsProvider, clock: Clock, now: () => number) {
    this.#provider = provider;
    this.#clock = clock;
    this.#now = now;
  }

  /** @throws StoreError when there are none: `ERR_NBD_STORE_TRANSIENT` if there were some before. */
  async get(): Promise<S3Credentials> {
    const present = this.#present;
    if (present !== undefined && !this.#isEnding(present)) return present;
    return this.#ask(false);
  }

  /** Asks for new ones, unless that has happened since `old` was given. */
  async replace(old: S3Credentials): Promise<S3Credentials> {
    if (this.#present !== undefined && this.#present !== old) return this.#present;
    return this.#ask(true);
  }

  #isEnding({ expiration }: S3Credentials): boolean {
    return expiration !== undefined && expiration.getTime() - this.#now() < spareMs;
  }

  #ask(forceRefresh: boolean): Promise<S3Credentials> {
    this.#asking ??= this.#askProvider(forceRefresh).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askProvider(forceRefresh: boolean): Promise<S3Credentials> {
    try {
      this.#present = checked(await this.#inTime(this.#provider({ forceRefresh })));
      return this.#present;
    } catch (reason) {
      const old = this.#present;
      // Those that are about to end are better than none; the store decides.
      if (!forceRefresh && old !== undefined && (old.expiration?.getTime() ?? 0) > this.#now()) return old;
      // What failed may have secrets in its fields, such as the output of a program, so it is not kept as the cause.
      const why = toError(reason).message.split('\n', 1)[0]?.slice(0, 300);
      const code = old === undefined ? 'ERR_NBD_STORE_PERMANENT' : 'ERR_NBD_STORE_TRANSIENT';
      throw new StoreError(code, `there are no credentials for S3: ${why}`);
    }
  }

  async #inTime(answer: Promise<S3Credentials>): Promise<S3Credentials> {
    let cancel = (): void => {};
    const late = new Promise<never>((_resolve, reject) => {
      cancel = this.#clock.schedule(providerMs, () => reject(new Error(`no answer after ${providerMs} ms`)), true);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      cancel();
    }
  }
}

function checked(given: S3Credentials): S3Credentials {
  if (isCredentials(given)) return given;
  throw new UsageError('ERR_NBD_ARGUMENT', 'the provider gave something else than accessKeyId and secretAccessKey');
}

/** Returns whether a value has the form of credentials. */
export function isCredentials(value: unknown): value is S3Credentials {
  if (typeof value !== 'object' || value === null) return false;
  const { accessKeyId, secretAccessKey, sessionToken } = value as Record<string, unknown>;
  const isText = (one: unknown): boolean => typeof one === 'string' && one !== '';
  return (
    isText(accessKeyId) && isText(secretAccessKey) && (sessionToken === undefined || typeof sessionToken === 'string')
  );
}
