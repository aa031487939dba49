/** Diagnostics channels behind the seam `Trace`. */
import { type Channel, channel } from 'node:diagnostics_channel';
import type { EventTable, Trace } from '@nbdjs/interfaces';
import type { TracedEvents } from './traced-events.ts';

/**
 * Publishes the events of a package to their subscribers, each on the diagnostics channel `nbdjs:<package>:<event>`. Events of other
 * names are dropped.
 *
 * @typeParam Events The events with their fields, such as `ServerEvents`.
 */
export function diagnosticsTrace<Events = EventTable>({ packageName, names }: TracedEvents<Events>): Trace<Events> {
  const channels = new Map<string, Channel>(names.map((name) => [name, channel(`nbdjs:${packageName}:${name}`)]));
  return {
    get enabled() {
      for (const one of channels.values()) if (one.hasSubscribers) return true;
      return false;
    },
    emit(event, fields) {
      channels.get(event)?.publish(fields);
    },
  };
}
