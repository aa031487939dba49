/** The events of a package as data: the types of what is published and `docs/events.md` come from there. */
import type { EventField } from './event-field.ts';

/** Fields by name. */
export type EventFields = Readonly<Record<string, EventField<unknown>>>;

/** One event as data. */
export interface EventDefinition {
  /** When the event is published: one or more sentences for people. */
  readonly doc: string;
  /** What its payload has. */
  readonly fields: EventFields;
}

/** Events by name. */
export type EventDefinitions = Readonly<Record<string, EventDefinition>>;

/** The events of a package, without their types. */
export interface EventSet {
  /** The package without its scope. Its events are on the channels `nbdjs:<package>:<event>`. */
  readonly packageName: string;
  /** The names of the events, in the order of their definitions. */
  readonly names: readonly string[];
  /** The events with their fields and texts. */
  readonly definitions: EventDefinitions;
}

/** The events of one package, with their types. */
export interface DefinedEvents<Definitions extends EventDefinitions> extends EventSet {
  /** The names of the events, in the order of their definitions. */
  readonly names: readonly (keyof Definitions & string)[];
  /** The events with their fields and texts. */
  readonly definitions: Definitions;
}

/** The names of the events of a set. */
export type NamesOf<Fields extends EventFields, IsOptional extends boolean> = {
  [Name in keyof Fields]: Fields[Name]['isOptional'] extends IsOptional ? Name : never;
}[keyof Fields];

/** What a field of an event has. */
export type ValueOf<Field> = Field extends EventField<infer Value> ? Value : never;

/** The fields of one event, as its payload has them. */
export type FieldsOf<Fields extends EventFields> = {
  readonly [Name in NamesOf<Fields, false>]: ValueOf<Fields[Name]>;
} & {
  readonly [Name in NamesOf<Fields, true>]?: ValueOf<Fields[Name]> | undefined;
};

/** The events of a set: what is published, by the event's name. */
export type EventsOf<Set extends EventSet> = {
  readonly [Name in keyof Set['definitions']]: FieldsOf<Set['definitions'][Name]['fields']>;
};

/**
 * Defines the events of a package. Names are in kebab-case; one that says what went wrong is a participle (`request-failed`).
 *
 * @param packageName The package without its scope, such as `multiplexer`.
 */
export function defineEvents<const Definitions extends EventDefinitions>(
  packageName: string,
  definitions: Definitions,
): DefinedEvents<Definitions> {
  return Object.freeze({ packageName, names: Object.freeze(Object.keys(definitions)), definitions });
}
