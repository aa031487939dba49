/** The published conformance suites, run by the test runner of this repository. */
import * as suites from '@nbdjs/conformance';
import { type ConnectorFactory, connectorConformance as connectorSuite } from '@nbdjs/conformance/connector';
import { describe, it } from 'vitest';

const runner: suites.TestRunner = { describe, it };

export function blockDeviceConformance(name: string, factory: suites.BlockDeviceFactory): void {
  suites.blockDeviceConformance(runner, name, factory);
}

export function byteChannelConformance(name: string, factory: suites.ByteChannelFactory): void {
  factory.openHandles ??= openHandles;
  suites.byteChannelConformance(runner, name, factory);
}

export function connectorConformance(name: string, factory: ConnectorFactory): void {
  connectorSuite(runner, name, factory);
}

/** How many sockets, pipes, children and ports this process has. */
function openHandles(): number {
  return process.getActiveResourcesInfo().filter((kind) => /Socket|Pipe|Process|MessagePort/.test(kind)).length;
}
