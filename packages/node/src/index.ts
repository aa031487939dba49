/**
 * Node behind the seams of nbdjs: its clock, the turns of its event loop and its diagnostics channels, for packages that depend neither on
 * Node nor on a browser.
 *
 * @packageDocumentation
 */
export type { Clock, Defer, EventTable, Trace } from '@nbdjs/interfaces';
export { systemClock } from './clock.ts';
export { diagnosticsTrace } from './diagnostics.ts';
export { isNode } from './runtime.ts';
export type { TracedEvents } from './traced-events.ts';
export { afterMicrotasks, nextTurn } from './turns.ts';
export { inheritedWorkerOptions } from './worker-options.ts';
