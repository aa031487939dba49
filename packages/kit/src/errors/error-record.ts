/**
 * Errors as plain data, for crossing threads: structured clone keeps an error's message but loses its class and code.
 */
import {
  CommandError,
  ConnectError,
  ConnectionLostError,
  NegotiationError,
  ProtocolError,
  TimeoutError,
  UsageError,
  WritesLostError,
} from '@nbdjs/interfaces';

/** An error in a form that survives structured clone. */
export interface ErrorRecord {
  /** The error's name, such as `ProtocolError`. */
  readonly name: string;
  /** The error's message. */
  readonly message: string;
  /** Where it was made, as text of the engine. */
  readonly stack?: string | undefined;
  /** The error's own enumerable fields, `code` among them. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The errors that an `AggregateError` holds, as records too. */
  readonly errors?: readonly ErrorRecord[] | undefined;
  /** Its cause, as a record too. */
  readonly cause?: ErrorRecord | undefined;
}

/** Nested causes are kept up to this depth. */
const causeDepthMax = 8;

/** Of an `AggregateError`, this many errors are kept. */
const errorsMax = 64;

const prototypes: Readonly<Record<string, object>> = {
  UsageError: UsageError.prototype,
  ProtocolError: ProtocolError.prototype,
  NegotiationError: NegotiationError.prototype,
  CommandError: CommandError.prototype,
  ConnectError: ConnectError.prototype,
  TimeoutError: TimeoutError.prototype,
  ConnectionLostError: ConnectionLostError.prototype,
  WritesLostError: WritesLostError.prototype,
};

/** Turns anything thrown into plain data. */
export function toErrorRecord(error: unknown, depth = 0): ErrorRecord {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), fields: {} };
  const fields: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(error)) {
    if (key !== 'name' && isPlain(value)) fields[key] = value;
  }
  const { cause } = error;
  const { errors } = error as { readonly errors?: unknown };
  const isAggregate = error instanceof AggregateError && Array.isArray(errors) && depth < causeDepthMax;
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    fields,
    ...(isAggregate ? { errors: errors.slice(0, errorsMax).map((one) => toErrorRecord(one, depth + 1)) } : {}),
    ...(cause !== undefined && depth < causeDepthMax ? { cause: toErrorRecord(cause, depth + 1) } : {}),
  };
}

/** Makes an error of a record of `toErrorRecord`: same class, same code, same fields. */
export function fromErrorRecord(record: ErrorRecord): Error {
  const { errors } = record;
  const error =
    errors === undefined ? new Error(record.message) : new AggregateError(errors.map(fromErrorRecord), record.message);
  const prototype = prototypes[record.name];
  if (prototype !== undefined) {
    Object.setPrototypeOf(error, prototype);
    Object.defineProperty(error, Symbol.for('@nbdjs/error'), { value: record.name, enumerable: false });
  }
  Object.defineProperty(error, 'name', { value: record.name, configurable: true, writable: true, enumerable: false });
  Object.assign(error, record.fields);
  if (record.stack !== undefined) error.stack = record.stack;
  if (record.cause !== undefined) {
    Object.defineProperty(error, 'cause', { value: fromErrorRecord(record.cause), configurable: true, writable: true });
  }
  return error;
}

function isPlain(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isPlain);
  if (typeof value === 'object' && value !== null) {
    return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isPlain);
  }
  return value === null || ['string', 'number', 'bigint', 'boolean', 'undefined'].includes(typeof value);
}
