/**
 * Whether a store wants the ETag of `If-Match` in quotes. HTTP says so, and nearly all stores read it with and without; but radosgw compares
 * the text as it comes with an ETag without quotes, so that a put with quotes never succeeds there.
 *
 * That is found out when a put fails although the object has the ETag. Then the form without quotes is tried on an object of no use. It is
 * taken only if the store keeps to it in both directions: a store that passed over what it cannot read would store without a condition.
 */
import type { Abortable } from '@nbdjs/kit';
import { isStoreError, type PutResult } from '@nbdjs/objects';

/** The object of no use; `@nbdjs/objects` has one of this name, too. */
const probeKey = 'probe';

/** A conditional put in one of the forms. */
export type FormedPut = (
  key: string,
  body: Uint8Array,
  condition: PutCondition,
  options: Abortable,
) => Promise<PutResult>;

/** The condition as it is sent. */
export interface PutCondition {
  readonly ifNoneMatch?: boolean | undefined;
  /** The value of the header. */
  readonly ifMatch?: string | undefined;
}

/** What is known about a store. */
export class EtagForm {
  readonly #put: FormedPut;
  #isPlain: boolean | undefined;
  #trying: Promise<boolean> | undefined;

  constructor(put: FormedPut) {
    this.#put = put;
  }

  /** Whether a failed condition may be due to the form. */
  get isUnknown(): boolean {
    return this.#isPlain === undefined;
  }

  /** Puts an ETag into the form of the store. */
  form(etag: string): string {
    return this.#isPlain === true ? plain(etag) : etag;
  }

  /** Notes that the store has kept to an ETag in quotes. */
  noteSuccess(): void {
    this.#isPlain ??= false;
  }

  /** Tries the form without quotes. Returns whether it is the one to use. */
  async tryPlain(options: Abortable): Promise<boolean> {
    this.#trying ??= this.#try(options).finally(() => {
      this.#trying = undefined;
    });
    this.#isPlain = await this.#trying;
    return this.#isPlain;
  }

  async #try(options: Abortable): Promise<boolean> {
    const first = await this.#put(probeKey, body(), {}, options);
    if (await this.#isPut({ ifMatch: plain(first.etag).replace(/[0-9a-f]/g, '0') }, options)) return false;
    return this.#isPut({ ifMatch: plain(first.etag) }, options);
  }

  async #isPut(condition: PutCondition, options: Abortable): Promise<boolean> {
    try {
      await this.#put(probeKey, body(), condition, options);
      return true;
    } catch (error) {
      if (isStoreError(error, 'ERR_NBD_STORE_PRECONDITION')) return false;
      throw error;
    }
  }
}

/** Bytes unlike all others. */
function body(): Uint8Array {
  return new TextEncoder().encode(`form of ETags ${Math.random()}`);
}

function plain(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1');
}
