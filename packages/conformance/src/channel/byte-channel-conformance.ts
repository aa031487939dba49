/** The suite for authors of channels. The other end of each channel sends back what it gets. */
import { type Rule, registerRules, type TestRunner } from '../runner.ts';
import type { ByteChannelFactory } from './byte-channel-factory.ts';
import { deliveryRules } from './delivery-rules.ts';
import { endingRules } from './ending-rules.ts';
import { sendingRules } from './sending-rules.ts';

/** All rules, for runners that do not fit `TestRunner`. */
export const byteChannelRules: readonly Rule<ByteChannelFactory>[] = [
  ...deliveryRules,
  ...sendingRules,
  ...endingRules,
];

/**
 * Registers one test for each rule that a `ByteChannel` has to keep.
 *
 * @param runner the functions of the test runner, such as `{ describe, it }` of Vitest or of `node:test`
 * @param name what the channel is, for the titles
 */
export function byteChannelConformance(runner: TestRunner, name: string, factory: ByteChannelFactory): void {
  registerRules(runner, `ByteChannel: ${name}`, byteChannelRules, (work) => work(factory));
}
