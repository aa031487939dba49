/**
 * Node behind the seams of nbdjs: its clock, the turns of its event loop and its diagnostics channels, for packages that
 * know neither Node nor a browser.
 *
 * @packageDocumentation
 */
export type { Clock, Defer, Trace } from '@nbdjs/interfaces';
export { systemClock } from './clock.ts';
export { diagnosticsTrace } from './diagnostics.ts';
export { afterMicrotasks, nextTurn } from './turns.ts';
