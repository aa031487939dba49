/** Copies of errors: each promise rejects with its own object, so that a caller can add to it. */
import { type ErrorRecord, fromErrorRecord, toErrorRecord } from './error-record.ts';

/**
 * Returns a new error of the same class, code and text.
 *
 * @param fields replaces fields of the error
 */
export function copyError(error: unknown, fields?: ErrorRecord['fields']): Error {
  const record = toErrorRecord(error);
  return fromErrorRecord(fields === undefined ? record : { ...record, fields: { ...record.fields, ...fields } });
}

/** Returns a copy whose message begins with `place: `, and whose cause is the original. */
export function errorAt(error: unknown, place: string): Error {
  const copy = copyError(error);
  copy.message = `${place}: ${copy.message}`;
  Object.defineProperty(copy, 'cause', { value: error, configurable: true, writable: true });
  return copy;
}
