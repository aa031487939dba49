/** What all connections of a device have in common. */
import type { BusyPoll } from '@nbdjs/kit';
import type { CookieSequence } from '../requests/in-flight-table.ts';
import type { MultiplexerSettings } from '../settings.ts';
import type { MutableStatistics } from '../statistics.ts';
import type { TransmissionTrace } from '../transmission-trace.ts';

export interface ConnectionContext {
  readonly settings: MultiplexerSettings;
  readonly cookies: CookieSequence;
  readonly statistics: MutableStatistics;
  readonly trace: TransmissionTrace;
  readonly busyPoll: BusyPoll;
}
