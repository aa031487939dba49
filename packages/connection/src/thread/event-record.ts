/** Events of attempts, as they are posted between threads: an error travels as a record, because structured clone loses class and code. */
import { type ErrorRecord, fromErrorRecord, toErrorRecord } from '@nbdjs/kit';
import type { ConnectionEvents } from '../events.ts';

/** An event by its name. */
export type NamedEvent = {
  [Name in keyof ConnectionEvents]: { readonly event: Name; readonly fields: ConnectionEvents[Name] };
}[keyof ConnectionEvents];

/** The same with its error as a record. */
export type EventRecord =
  | Exclude<NamedEvent, { event: 'failed' }>
  | {
      readonly event: 'failed';
      readonly fields: Omit<ConnectionEvents['failed'], 'error'> & { readonly error: ErrorRecord };
    };

export function eventRecord<Name extends keyof ConnectionEvents>(
  name: Name,
  payload: ConnectionEvents[Name],
): EventRecord {
  const { event, fields } = { event: name, fields: payload } as NamedEvent;
  if (event !== 'failed') return { event, fields } as EventRecord;
  return { event, fields: { ...fields, error: toErrorRecord(fields.error) } };
}

export function eventFromRecord(record: EventRecord): NamedEvent {
  if (record.event !== 'failed') return record;
  const { event, fields } = record;
  return { event, fields: { ...fields, error: fromErrorRecord(fields.error) } };
}
