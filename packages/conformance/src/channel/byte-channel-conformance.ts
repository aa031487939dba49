/** The suite for authors of channels. The other end of each channel sends back what it gets. */
import type { ByteChannel } from '@nbdjs/interfaces';
import { type Rule, registerRules, type TestRunner } from '../runner.ts';
import { deliveryRules } from './delivery-rules.ts';
import { endingRules } from './ending-rules.ts';
import { sendingRules } from './sending-rules.ts';

/** How the suite comes by the channels that it tests. */
export interface ByteChannelFactory {
  /** Makes a channel whose peer echoes every byte, and ends when we end. */
  connect(): Promise<ByteChannel>;
  /** Makes the peers vanish. Left out where that cannot be arranged. */
  kill?(): void;
  /**
   * Has the channel that was made last fail without either side closing it: something comes that its transport cannot make sense of,
   * or the layer that carries it reports that it is broken. Left out where a channel can only end.
   */
  fail?(): void;
  /** How many sockets, pipes and the like the process has open. Left out where that is not known. */
  openHandles?(): number;
}

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
