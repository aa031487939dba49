/**
 * A device of one's own from a few functions. Runs in Node, in pages and in Web Workers.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';
export { defineDevice } from './define-device.ts';
export type { DefinedExtent, DeviceDefinition } from './device-definition.ts';
