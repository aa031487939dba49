/**
 * Layers: devices over any device. Runs in Node, in pages and in Web Workers.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';
export { createAllocationDepthLayer } from './allocation-depth.ts';
export type { LayerCall } from './around.ts';
export { type BlockSizeOptions, createBlockSizeLayer } from './block-size.ts';
export { createDelayLayer, type DelayOptions } from './delay.ts';
export { createFaultLayer, type FaultOptions } from './fault.ts';
export { createHoleLayer, type HoleOptions } from './holes.ts';
export { createLogLayer, type LogEntry, type LogOptions } from './log.ts';
export { createOverlayLayer, type OverlayOptions } from './overlay.ts';
export { createRateLayer, type RateOptions } from './rate.ts';
export { createReadOnlyLayer } from './read-only.ts';
export { createRetryLayer, type RetryOptions } from './retry.ts';
export { createSliceLayer, type SliceOptions } from './slice.ts';
