/** What a session in another thread has in shared memory, so that the acceptor can look at it at any time without asking. */
import type { Statistics } from '../statistics/statistics.ts';
import { counterMemory, sharedCounters } from './shared-counters.ts';

const statisticNames = [
  'requests',
  'failedRequests',
  'readBytes',
  'writtenBytes',
] as const satisfies readonly (keyof Statistics)[];
const stateNames = ['isAdopted', 'isAtRest', 'standstillMs'] as const;

export type SessionState = Record<(typeof stateNames)[number], number>;

export interface SessionMemory {
  readonly statistics: Statistics;
  /**
   * `isAdopted`: 1 when the thread owns the descriptor. `isAtRest`: 1 while all requests are answered, and `standstillMs`: for how long the
   * client has stood still in the handshake, both as of the last sample.
   */
  readonly state: SessionState;
}

export function newSessionMemory(): SharedArrayBuffer {
  return counterMemory(statisticNames.length + stateNames.length);
}

/** Statistics are numbers of one object each, so that threads count as quickly as a server without threads. */
export function openSessionMemory(memory: SharedArrayBuffer): SessionMemory {
  return {
    statistics: sharedCounters(statisticNames, memory),
    state: sharedCounters(stateNames, memory, statisticNames.length),
  };
}
