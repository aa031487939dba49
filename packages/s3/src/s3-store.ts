import { type Abortable, UsageError } from '@nbdjs/kit';
import {
  type DeleteOptions,
  type GetOptions,
  isStoreError,
  type ListOptions,
  type ListPage,
  type ObjectFacts,
  type ObjectStore,
  type PutOptions,
  type PutResult,
  requireKey,
  requireOneCondition,
  requireRange,
  type StoreAbilities,
  type StoredObject,
  type StoreError,
  type StoreRange,
} from '@nbdjs/objects';
import { type AnswerFacts, normalEtag } from './answers/facts.ts';
import { readListPage } from './answers/list-page.ts';
import { Calls, refusalOf } from './calls.ts';
import { damageOf, secure } from './checksums.ts';
import { EtagForm, type PutCondition } from './etag-form.ts';
import { emptyHash, type S3Answer } from './requests/request.ts';
import { Requests } from './requests/requests.ts';
import { type S3Settings, type S3StoreOptions, s3StoreOptions } from './settings/options.ts';

/** The longest body, in bytes: S3 itself takes 5 GiB in one piece, but bodies are held in memory here. */
const bodyBytesMax = 2 ** 30;

/** A page of 1000 keys, each of them escaped and as long as it can be, stays below. */
const listBytesMax = 16 * 2 ** 20;

const pageObjects = 1000;

const get = { method: 'GET', payloadHash: emptyHash, answerBytesMax: bodyBytesMax } as const;

/** Statuses that may have a reason that can be put right; an answer to HEAD has no body that says which. */
const unclearStatuses: ReadonlySet<number | undefined> = new Set([301, 307, 400, 403]);

/**
 * Makes a store of a bucket in S3, or in anything that speaks like it: Ceph, MinIO, Garage and others. Nothing is sent before the first
 * call. A call is sent once (and once more after something was put right: a clock, a region, credentials); put `createRetryingStore` of
 * `@nbdjs/objects` in front of it, as `openDisk` does.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, wrong or missing.
 */
export function createS3Store(options: S3StoreOptions): ObjectStore {
  return new S3Store(s3StoreOptions.resolve('createS3Store', options));
}

class S3Store implements ObjectStore {
  readonly abilities: StoreAbilities = { conditionalPut: true, conditionalDelete: false, bodyBytesMax };
  readonly #checksum: S3Settings['checksum'];
  readonly #calls: Calls;
  readonly #form = new EtagForm((key, body, condition, options) => this.#putOnce(key, body, condition, options));

  constructor(settings: S3Settings) {
    const prefix = settings.prefix?.replace(/\/+$/, '') ?? '';
    if (prefix !== '') requireKey(prefix);
    this.#checksum = settings.checksum;
    this.#calls = new Calls(new Requests(settings), prefix === '' ? '' : `${prefix}/`);
  }

  get name(): string {
    return this.#calls.name;
  }

  async get(key: string, options: GetOptions = {}): Promise<StoredObject> {
    this.#enter(key);
    const { range } = options;
    if (range !== undefined) requireRange(range);
    const headers = range === undefined ? {} : { range: `bytes=${range.start}-${range.start + range.length - 1}` };
    let answer: S3Answer;
    try {
      answer = await this.#calls.send('get', key, { ...get, headers }, options);
    } catch (error) {
      if (refusalOf(error)?.status !== 416) throw error;
      // The range begins at the end of the object or behind it.
      return { ...(await this.head(key, options)), body: new Uint8Array(0) };
    }
    const facts = this.#calls.facts('get', key, answer);
    const damage = answer.status === 200 ? damageOf(answer) : undefined;
    if (damage !== undefined) throw this.#calls.error('get', key, 'ERR_NBD_STORE_TRANSIENT', damage);
    return { etag: facts.etag, size: facts.size, body: this.#part(key, answer, facts, range) };
  }

  async put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<PutResult> {
    this.#enter(key);
    requireOneCondition(key, options);
    if (body.length > bodyBytesMax) {
      const message = `put of '${key}' has ${body.length} bytes, expected at most ${bodyBytesMax}`;
      throw new UsageError('ERR_NBD_TOO_LONG', message);
    }
    const { ifNoneMatch, ifMatch, signal } = options;
    if (ifMatch === undefined) return this.#putOnce(key, body, { ifNoneMatch }, { signal });
    const settleForm = (): Promise<boolean> => this.#settleForm(key, ifMatch, { signal });
    // A doubt from before: the store did not answer when it was asked whether the object has the ETag.
    if (!(await settleForm())) throw this.#unmet(key, 'the object has another ETag');
    const form = this.#form.form(ifMatch);
    try {
      const result = await this.#putOnce(key, body, { ifMatch: form }, { signal });
      this.#form.noteSuccess();
      return result;
    } catch (error) {
      if (!isStoreError(error, 'ERR_NBD_STORE_PRECONDITION') || !this.#form.isUnknown) throw error;
      this.#form.noteFailure();
      await settleForm();
      if (this.#form.form(ifMatch) === form) throw error;
      return this.#putOnce(key, body, { ifMatch: this.#form.form(ifMatch) }, { signal });
    }
  }

  async head(key: string, options: Abortable = {}): Promise<ObjectFacts> {
    this.#enter(key);
    let answer: S3Answer;
    try {
      answer = await this.#calls.send('head', key, { ...get, method: 'HEAD' }, options);
    } catch (error) {
      if (!unclearStatuses.has(refusalOf(error)?.status)) throw error;
      answer = await this.#calls.send('head', key, { ...get, headers: { range: 'bytes=0-0' } }, options);
    }
    const { etag, size } = this.#calls.facts('head', key, answer);
    return { etag, size };
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<void> {
    this.#enter(key);
    if (options.ifMatch !== undefined) {
      const message = `delete of '${key}' has a condition, which not every store of S3 keeps to`;
      throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
    }
    try {
      await this.#calls.send('delete', key, { ...get, method: 'DELETE' }, options);
    } catch (error) {
      if (refusalOf(error)?.s3Code !== 'NoSuchKey') throw error;
    }
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListPage> {
    this.#enter(undefined);
    const { continuation, limit = pageObjects } = options;
    const query = {
      'list-type': '2',
      'encoding-type': 'url',
      'max-keys': String(Math.max(1, Math.min(limit, pageObjects))),
      prefix: this.#calls.prefix + prefix,
      ...(continuation === undefined ? {} : { 'continuation-token': continuation }),
    };
    const answer = await this.#calls.send('list', prefix, { ...get, query, answerBytesMax: listBytesMax }, options);
    const page = readListPage(answer.body, this.#calls.prefix);
    if (page !== undefined) return page;
    const message = 'the answer is no list, expected a ListBucketResult';
    throw this.#calls.error('list', prefix, 'ERR_NBD_STORE_TRANSIENT', message);
  }

  async close(): Promise<void> {
    this.#calls.close(this.#closed());
  }

  #closed(): UsageError {
    return new UsageError('ERR_NBD_CLOSED', `the store ${this.name} is closed`);
  }

  #enter(key: string | undefined): void {
    if (this.#calls.isClosed) throw this.#closed();
    if (key !== undefined) requireKey(key);
  }

  async #putOnce(key: string, body: Uint8Array, condition: PutCondition, options: Abortable): Promise<PutResult> {
    options.signal?.throwIfAborted();
    const { ifNoneMatch = false, ifMatch } = condition;
    const { payloadHash, headers: secured } = secure(body, this.#checksum);
    const headers = {
      ...secured,
      ...(ifNoneMatch ? { 'if-none-match': '*' } : {}),
      ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
    };
    try {
      const answer = await this.#calls.send('put', key, { ...get, method: 'PUT', headers, body, payloadHash }, options);
      return { etag: this.#calls.facts('put', key, answer).etag };
    } catch (error) {
      // S3 says so when there is no object whose ETag could be compared.
      if (ifMatch === undefined || refusalOf(error)?.s3Code !== 'NoSuchKey') throw error;
      throw this.#unmet(key, 'there is no such object, expected one with that ETag');
    }
  }

  /** Finds out about the form of ETags. Returns `false` when the object has another ETag. */
  async #settleForm(key: string, etag: string, options: Abortable): Promise<boolean> {
    try {
      return await this.#form.settle(() => this.#has(key, etag, options), options);
    } catch (error) {
      if (!isStoreError(error, 'ERR_NBD_STORE_TRANSIENT')) throw error;
      // It may be unknown what has become of this question; of the put it is known that it was not carried out.
      throw this.#calls.error('put', key, 'ERR_NBD_STORE_THROTTLED', error.message, { cause: error });
    }
  }

  #unmet(key: string, why: string): StoreError {
    return this.#calls.error('put', key, 'ERR_NBD_STORE_PRECONDITION', why);
  }

  async #has(key: string, etag: string, options: Abortable): Promise<boolean> {
    try {
      return (await this.head(key, options)).etag === normalEtag(etag);
    } catch (error) {
      if (isStoreError(error, 'ERR_NBD_STORE_NOT_FOUND')) return false;
      throw error;
    }
  }

  /** The bytes that were asked for: a store may give the whole object instead of a range. */
  #part(key: string, { status, body }: S3Answer, facts: AnswerFacts, range: StoreRange | undefined): Uint8Array {
    if (range === undefined) return body;
    if (status === 200) return body.slice(range.start, range.start + range.length);
    const expected = Math.max(0, Math.min(range.length, facts.size - range.start));
    if (facts.start === range.start && body.length === expected) return body;
    const message = `got ${body.length} bytes from ${facts.start} on, expected ${expected} from ${range.start} on`;
    throw this.#calls.error('get', key, 'ERR_NBD_STORE_TRANSIENT', message);
  }
}
