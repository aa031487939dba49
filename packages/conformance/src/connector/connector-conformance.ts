/** The suite for authors of connectors, for those that work in a thread and those that do not. */
import { type Rule, registerRules, type TestRunner } from '../runner.ts';
import { type ConnectorFactory, type ConnectorUnderTest, useConnector } from './connector-under-test.ts';
import { establishingRules } from './establishing-rules.ts';
import { refusalRules } from './refusal-rules.ts';
import { releaseRules } from './release-rules.ts';

/** All rules, for runners that do not fit `TestRunner`. */
export const connectorRules: readonly Rule<ConnectorUnderTest>[] = [
  ...establishingRules,
  ...refusalRules,
  ...releaseRules,
];

/**
 * Registers one test for each rule that a `Connector` has to keep, over a Unix socket and over TCP on 127.0.0.1.
 *
 * @param runner the functions of the test runner, such as `{ describe, it }` of Vitest or of `node:test`
 * @param name what the connector is, for the titles
 */
export function connectorConformance(runner: TestRunner, name: string, factory: ConnectorFactory): void {
  for (const transport of ['unix', 'tcp'] as const) {
    const title = `Connector: ${name}, ${transport}`;
    registerRules(runner, title, connectorRules, (work) => useConnector(factory, transport, work));
  }
}
