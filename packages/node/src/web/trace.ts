/** The seam `Trace` where there are no diagnostics channels. */
import type { EventTable, Trace } from '@nbdjs/interfaces';
import type { TracedEvents } from '../traced-events.ts';

/**
 * Publishes nothing: there are no diagnostics channels outside of Node. Give a `Trace` of your own to see events.
 *
 * @typeParam Events The events with their fields, such as `ServerEvents`.
 */
export function diagnosticsTrace<Events = EventTable>(_events: TracedEvents<Events>): Trace<Events> {
  return { enabled: false, emit() {} };
}
