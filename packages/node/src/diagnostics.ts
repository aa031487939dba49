/** Diagnostics channels behind the seam `Trace`. */
import { channel } from 'node:diagnostics_channel';
import type { Trace } from '@nbdjs/interfaces';

/**
 * Publishes the events of a package that does not know Node, each on the diagnostics channel `nbdjs:<package>:<event>`.
 *
 * @param packageName The package without its scope, such as `multiplexer`.
 * @param events The names of all events. Other events are dropped.
 */
export function diagnosticsTrace(packageName: string, events: readonly string[]): Trace {
  const channels = new Map(events.map((event) => [event, channel(`nbdjs:${packageName}:${event}`)]));
  return {
    get enabled() {
      for (const one of channels.values()) if (one.hasSubscribers) return true;
      return false;
    },
    emit(event, details) {
      channels.get(event)?.publish(details);
    },
  };
}
