/** What all clients of a server share; made once, and handed on whole. */
import type { Clock, Defer, Trace } from '@nbdjs/interfaces';
import { BusyPoll } from '@nbdjs/kit';
import { BufferPool } from './admission/buffer-pool.ts';
import { ClientMonitor } from './admission/client-monitor.ts';
import { MemoryBudget, type SharedBudget } from './admission/memory-budget.ts';
import { DeviceUsers } from './device-users.ts';
import type { ServerEvents } from './events.ts';
import type { ServerSettings } from './server-settings.ts';
import { type ClientCounts, noClients } from './statistics/client-counts.ts';

export interface ServerContext {
  readonly settings: ServerSettings;
  readonly clock: Clock;
  readonly nextTurn: Defer;
  readonly trace: Trace<ServerEvents>;
  readonly buffers: BufferPool;
  readonly budget: MemoryBudget;
  readonly busyPoll: BusyPoll;
  readonly users: DeviceUsers;
  readonly monitor: ClientMonitor;
  readonly counts: ClientCounts;
}

/** Free buffers that are kept for the next requests, in bytes. */
export const keptBytesMax = 32 * 2 ** 20;

/** What only a server has whose clients are spread over threads. */
export interface ContextShare {
  readonly budget: SharedBudget;
  readonly counts: ClientCounts;
  /** Free buffers that this thread keeps for the next requests, in bytes. */
  readonly keptBytesMax: number;
}

/** `isPlaceWanted`: whether clients wait for a place. `share`: what other threads use, too. */
export function createContext(
  settings: ServerSettings,
  { clock, nextTurn, trace }: Pick<ServerContext, 'clock' | 'nextTurn' | 'trace'>,
  isPlaceWanted: () => boolean,
  share?: ContextShare,
): ServerContext {
  const budget = new MemoryBudget(settings.serverBytesMax, nextTurn, share?.budget);
  return {
    settings,
    clock,
    nextTurn,
    trace,
    buffers: new BufferPool(share?.keptBytesMax ?? keptBytesMax),
    budget,
    busyPoll: new BusyPoll(clock, nextTurn, settings.busyPollMs),
    users: new DeviceUsers(),
    monitor: new ClientMonitor(clock, leastPatienceMs(settings), budget, isPlaceWanted),
    counts: share?.counts ?? noClients(),
  };
}

/** The shortest time after which a client without progress is disconnected, in milliseconds. */
function leastPatienceMs({ stallMs, sendStallMs, idleMs, pressureMs, placeMs }: ServerSettings): number {
  return Math.min(...[stallMs, sendStallMs, idleMs, pressureMs, placeMs].filter((limitMs) => limitMs > 0));
}
