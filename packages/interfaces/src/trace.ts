/** Observability for packages that must not know `node:diagnostics_channel`. */

/** Where a pure package reports its events; the composition joins it to a channel. */
export interface Trace {
  /** Read before an event's details are put together, so that silence costs nothing. */
  readonly enabled: boolean;
  /** `event` is a short name (`request`, `reply-chunk`, `option-reply`), `details` fresh plain data. */
  emit(event: string, details: Readonly<Record<string, unknown>>): void;
}

/** Reports nothing. */
export const silent: Trace = { enabled: false, emit() {} };
