/** Observability for packages that must not depend on `node:diagnostics_channel`. */

/** Events by name, each with its fields. */
export type EventTable = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/**
 * Where a package publishes its events. Pure packages are given one; `diagnosticsTrace` of `@nbdjs/node` makes one of Node's
 * diagnostics channels. `docs/events.md` has all events.
 *
 * @typeParam Events The events of the package, such as `ServerEvents`. A trace of any events fits everywhere.
 */
export interface Trace<Events = EventTable> {
  /** Whether there is a subscriber. Read before an event's fields are put together, so that an event without one costs nothing. */
  readonly enabled: boolean;
  /** Publishes an event. `fields` is a fresh object that the publisher does not use again. */
  emit<Name extends keyof Events & string>(event: Name, fields: Events[Name]): void;
}

/** A trace without subscribers. */
export const silent: Trace = { enabled: false, emit() {} };
