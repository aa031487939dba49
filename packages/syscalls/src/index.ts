/**
 * The handful of system calls that Node lacks. Each is optional: without the FFI library koffi, or on another system than
 * Linux, `capabilities` says so and the callers take their portable paths.
 *
 * @packageDocumentation
 */
export { blockDeviceSize, sectorSize } from './block-device.ts';
export { type Capabilities, capabilities } from './capabilities.ts';
export { duplicateDescriptor } from './descriptor.ts';
export { punchHole, seekData, seekHole, zeroRange } from './sparse.ts';
