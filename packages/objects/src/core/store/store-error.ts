/** Errors of object stores: one code for each thing that can be done about it. */
import { NbdError, type NbdErrorOptions } from '@nbdjs/interfaces';

/** What went wrong. */
export type StoreErrorCode =
  /** There is no such object, or no such bucket or folder. */
  | 'ERR_NBD_STORE_NOT_FOUND'
  /** The condition of a put or delete does not hold. Nothing was changed. */
  | 'ERR_NBD_STORE_PRECONDITION'
  /** The store has asked for fewer requests. It was not carried out; later it may be. */
  | 'ERR_NBD_STORE_THROTTLED'
  /** No answer, or one that says nothing about the request (a connection that ended, a body cut short, 500). It may have been carried out. */
  | 'ERR_NBD_STORE_TRANSIENT'
  /** Refused in a way that would be repeated: credentials, rights, a request that the store does not know. */
  | 'ERR_NBD_STORE_PERMANENT';

/** The calls of a store. */
export type StoreOperation = 'get' | 'put' | 'head' | 'delete' | 'list';

/** What a `StoreError` has besides its message. */
export interface StoreErrorDetails extends NbdErrorOptions {
  /** The call that failed. */
  readonly operation?: StoreOperation | undefined;
  /** The object's key, or the prefix of a list. */
  readonly key?: string | undefined;
  /** The store's own wish, in milliseconds (`Retry-After`). */
  readonly retryAfterMs?: number | undefined;
}

/** The store has not done what was asked for. */
export class StoreError extends NbdError {
  override readonly name = 'StoreError';
  /** What went wrong. */
  readonly code: StoreErrorCode;
  /** The call that failed. */
  readonly operation?: StoreOperation | undefined;
  /** The object's key, or the prefix of a list. */
  readonly key?: string | undefined;
  /** The store's own wish, in milliseconds (`Retry-After`). */
  readonly retryAfterMs?: number | undefined;

  constructor(code: StoreErrorCode, message: string, details: StoreErrorDetails = {}) {
    super(message, details);
    this.code = code;
    this.operation = details.operation;
    this.key = details.key;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** Returns whether an error is a `StoreError`, with this code if one is given. */
export function isStoreError(error: unknown, code?: StoreErrorCode): error is StoreError {
  return error instanceof StoreError && (code === undefined || error.code === code);
}
