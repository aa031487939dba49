/** What is known of a client that is connected. */
import type { ExportFacts } from '@nbdjs/interfaces';
import type { ClientDescription } from '../exports/export.ts';
import type { Statistics } from '../statistics/statistics.ts';

/** A client that is connected. */
export interface SessionDescription extends ClientDescription {
  /** What was agreed on in the handshake. Absent before the handshake is over. */
  readonly facts?: ExportFacts | undefined;
  /** What the client has done so far; it goes on counting. */
  readonly statistics: Statistics;
}
