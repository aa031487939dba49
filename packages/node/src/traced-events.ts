/** What a trace has to know of a set of events. */

/** The part of a set of events that names its channels. `defineEvents` of `@nbdjs/kit` makes such sets. */
export interface TracedEvents<Events> {
  /** The package without its scope, such as `multiplexer`. */
  readonly packageName: string;
  /** The names of all events. Events of other names are dropped. */
  readonly names: readonly (keyof Events & string)[];
}
