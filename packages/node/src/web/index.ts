/**
 * Pages, workers and other runtimes without Node behind the seams of nbdjs. The same names as in Node; the condition `node` of the
 * package's exports chooses.
 *
 * @packageDocumentation
 */
export type { Clock, Defer, EventTable, Trace } from '@nbdjs/interfaces';
export type { TracedEvents } from '../traced-events.ts';
export { systemClock } from './clock.ts';
export { isNode } from './runtime.ts';
export { diagnosticsTrace } from './trace.ts';
export { afterMicrotasks, nextTurn } from './turns.ts';
