/**
 * The seams of nbdjs: the shapes that its packages agree on, the error classes, the limits, and what it takes to keep to them
 * (who has been told of a device's losses, what options have to be). Nothing here touches a device's bytes, a socket or a clock;
 * every other package depends on this one and on little else.
 *
 * @packageDocumentation
 */
export * from './block-device.ts';
export * from './byte-channel.ts';
export { endInWords, isHangUp } from './channel-end.ts';
export * from './clock.ts';
export * from './connector.ts';
export * from './error-record.ts';
export * from './errors.ts';
export { AllocationStatus, allocationDepth, baseAllocation } from './extents.ts';
export * from './facts.ts';
export * from './holder.ts';
export * from './limits.ts';
export { isLoss, type Losses, LossLog, writesLostError } from './losses.ts';
export * from './offset.ts';
export * from './options.ts';
export * from './trace.ts';
