/** One field of an event as data: its type, unit and text. See `defineEvents`. */
import type { Offset } from '@nbdjs/interfaces';

/** The unit of a number: milliseconds, or bytes. */
export type EventFieldUnit = 'ms' | 'bytes';

/** A field whose value is a `Value`. */
export interface EventField<Value, IsOptional extends boolean = boolean> {
  /** The type in words of TypeScript, for people. */
  readonly type: string;
  /** `undefined` where the value is not a number, or a number without a unit. */
  readonly unit: EventFieldUnit | undefined;
  /** Whether the field may be absent or `undefined`. */
  readonly isOptional: IsOptional;
  /** One sentence. */
  readonly doc: string;
  /** Never there; carries the type. */
  readonly value?: Value;
}

function make<Value>(type: string, doc: string, unit?: EventFieldUnit): EventField<Value, false> {
  return Object.freeze({ type, unit, isOptional: false, doc });
}

/** Makers of fields, by type. Each takes one sentence about the field. */
export const eventField = {
  boolean: (doc: string) => make<boolean>('boolean', doc),
  text: (doc: string) => make<string>('string', doc),
  texts: (doc: string) => make<readonly string[]>('string[]', doc),
  /** A number without a unit: a count, or a number of the protocol. */
  number: (doc: string) => make<number>('number', doc),
  /** A length in memory or in a message. */
  bytes: (doc: string) => make<number>('number', doc, 'bytes'),
  /** A position or a length on a device. */
  offset: (doc: string) => make<Offset>('number or bigint', doc, 'bytes'),
  milliseconds: (doc: string) => make<number>('number', doc, 'ms'),
  error: (doc: string) => make<Error>('Error', doc),
  /** A value that code of the caller has thrown: normally an Error. */
  thrown: (doc: string) => make<unknown>('unknown', doc),
  /** One of a few words. */
  oneOf: <const Word extends string>(words: readonly Word[], doc: string) =>
    make<Word>(words.map((word) => `'${word}'`).join(', '), doc),
  /** An object of a type that has a name. */
  object: <Value>(type: string, doc: string) => make<Value>(type, doc),
  /** The same field, which may be absent. */
  optional: <Value>(field: EventField<Value, false>): EventField<Value, true> =>
    Object.freeze({ ...field, isOptional: true }),
} as const;
