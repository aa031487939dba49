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

/** Others may replace the object of no use at the same moment; so often it is tried again. */
const triesMax = 8;

/** What is known about a store. What was found out is kept when a request fails, and the next call goes on from there. */
export class EtagForm {
  readonly #put: FormedPut;
  #isPlain: boolean | undefined;
  /** `doubted`: a condition has failed. `suspected`: and the object had the ETag. */
  #doubt: 'none' | 'doubted' | 'suspected' = 'none';
  /** The ETag of the object of no use, if it is there. */
  #probeEtag: string | undefined;
  #refusesOthers = false;
  #trying: Promise<void> | undefined;

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

  /** Notes that a condition has failed. */
  noteFailure(): void {
    if (this.#doubt === 'none') this.#doubt = 'doubted';
  }

  /**
   * Finds out what there is a doubt about.
   *
   * @param has returns whether the object has the ETag of the condition
   * @returns `false` when it has not, so that the condition does not hold in any form.
   */
  async settle(has: () => Promise<boolean>, options: Abortable): Promise<boolean> {
    if (this.#doubt === 'none' || !this.isUnknown) return true;
    if (this.#doubt === 'doubted') this.#doubt = (await has()) ? 'suspected' : 'none';
    if (this.#doubt !== 'suspected') return false;
    this.#trying ??= this.#tryPlain(options).finally(() => {
      this.#trying = undefined;
    });
    await this.#trying;
    this.#doubt = 'none';
    return true;
  }

  async #tryPlain(options: Abortable): Promise<void> {
    for (let tries = 0; tries < triesMax && this.isUnknown; tries++) {
      this.#probeEtag ??= (await this.#put(probeKey, body(), {}, options)).etag;
      if (!this.#refusesOthers) {
        const other = plain(this.#probeEtag).replace(/[0-9a-f]/g, '0');
        if (await this.#isPut({ ifMatch: other }, options)) this.#isPlain = false;
        else this.#refusesOthers = true;
      }
      if (this.isUnknown && (await this.#isPut({ ifMatch: plain(this.#probeEtag) }, options))) this.#isPlain = true;
      this.#probeEtag = undefined;
    }
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
