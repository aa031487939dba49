/** What happens to the connections to servers, in words. */
import type { DeviceEvent } from '@nbdjs/client';
import { endInWords } from '@nbdjs/kit';
import { oneLine } from '../errors/one-line.ts';

/** A longer wait is one without an end. */
const yearMs = 365 * 86_400_000;

/** Returns what has happened to the connection to a server. `reconnectDelayMs` is how long requests wait for another one. */
export function describeEvent(event: DeviceEvent, reconnectDelayMs: number): string {
  switch (event.type) {
    case 'lost': {
      const why = oneLine(endInWords(event.cause));
      const limit = reconnectDelayMs < yearMs ? `, for ${Math.round(reconnectDelayMs / 1000)} s` : '';
      const waiting = `; requests wait for another one${limit}`;
      return `the connection is lost (${why})${reconnectDelayMs > 0 ? waiting : ''}`;
    }
    case 'restored': {
      const { requestsReplayed: count } = event;
      const repeated = `, and what was not flushed is written again (${count} ${count === 1 ? 'request' : 'requests'})`;
      return `connected again${count > 0 ? repeated : ''}`;
    }
    case 'waited-in-vain':
      return `${oneLine(event.error)}; requests fail until it is there again`;
    case 'writes-lost':
      return `${oneLine(event.error)}; the next flush of each client fails`;
  }
}
