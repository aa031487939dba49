/**
 * Conformance suites for authors of devices and byte channels: each rule of the seam as one test, in any test runner. The suite for
 * connectors is `@nbdjs/conformance/connector`.
 *
 * @packageDocumentation
 */
export type { BlockDevice, ByteChannel, DeviceExtras } from '@nbdjs/interfaces';
export { byteChannelConformance, byteChannelRules } from './channel/byte-channel-conformance.ts';
export type { ByteChannelFactory } from './channel/byte-channel-factory.ts';
export { blockDeviceConformance, blockDeviceRules } from './device/block-device-conformance.ts';
export type { BlockDeviceFactory, DeviceUnderTest } from './device/device-under-test.ts';
export { seededRandom } from './random.ts';
export type { Rule, TestRunner } from './runner.ts';
export { ConformanceError } from './verify.ts';
