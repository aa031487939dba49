/**
 * The contracts of nbdjs: the interfaces that its packages agree on, the error classes, and the limits that two packages share.
 * Nothing here works on a device's bytes, a socket or a clock. Every other package depends on this one.
 *
 * @packageDocumentation
 */
export * from './block-device.ts';
export * from './byte-channel.ts';
export type * from './channel-opener.ts';
export type { CheckpointStore } from './checkpoint-store.ts';
export * from './clock.ts';
export * from './connector.ts';
export * from './errors.ts';
export { AllocationStatus, allocationDepth, baseAllocation } from './extents.ts';
export * from './facts.ts';
export * from './limits.ts';
export type * from './listener.ts';
export type { Losses } from './losses.ts';
export type * from './offset.ts';
export * from './protocol-error.ts';
export * from './system-error-codes.ts';
export type * from './tls.ts';
export * from './trace.ts';
