/** Events as they are posted between threads: an error becomes a record there, and an error again here. */
import { fromErrorRecord, toErrorRecord } from '@nbdjs/kit';
import type { ServerEvents } from '../events.ts';
import type { EventRecord } from './thread-messages.ts';

/** An error that is part of several events is known again for the next so many errors. */
const errorsKept = 64;

/** Makes records, in the thread where the events happen. */
export class EventEncoder {
  readonly #numbers = new WeakMap<object, number>();
  #next = 0;

  encode(event: keyof ServerEvents, fields: object): EventRecord {
    const { error, ...rest } = fields as { readonly error?: unknown };
    if (error === undefined) return { event, fields: rest };
    return { event, fields: rest, error: { number: this.#numberOf(error), record: toErrorRecord(error) } };
  }

  #numberOf(error: unknown): number | undefined {
    if (typeof error !== 'object' || error === null) return undefined;
    const known = this.#numbers.get(error);
    if (known !== undefined) return known;
    const number = this.#next++;
    this.#numbers.set(error, number);
    return number;
  }
}

/** Makes events of the records of one thread. */
export class EventDecoder {
  readonly #errors = new Map<number, Error>();

  decode<Name extends keyof ServerEvents>({ event, fields, error }: EventRecord): [Name, ServerEvents[Name]] {
    const all = error === undefined ? fields : { ...fields, error: this.#errorOf(error) };
    return [event as Name, all as unknown as ServerEvents[Name]];
  }

  #errorOf({ number, record }: NonNullable<EventRecord['error']>): Error {
    const known = number === undefined ? undefined : this.#errors.get(number);
    if (known !== undefined || number === undefined) return known ?? fromErrorRecord(record);
    const error = fromErrorRecord(record);
    this.#errors.set(number, error);
    const [oldest] = this.#errors.keys();
    if (this.#errors.size > errorsKept && oldest !== undefined) this.#errors.delete(oldest);
    return error;
  }
}
