/** What is known of a client that is connected. */
import type { ExportFacts } from '@nbdjs/interfaces';
import type { ClientDescription } from '../exports/export.ts';
import type { Statistics } from '../statistics/statistics.ts';

export interface SessionDescription extends ClientDescription {
  /** Absent before the handshake is over. */
  readonly facts?: ExportFacts | undefined;
  readonly statistics: Statistics;
}
