/** A connector and the server that it connects to, made for one rule and taken down after it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ByteSink, Connector, Established } from '@nbdjs/interfaces';
import { until } from '../verify.ts';
import { TinyServer, type TinyServerAddress } from './tiny-server.ts';

/** The options of a connector that the rules need. */
export interface ConnectorWishes {
  /** Where the server listens. */
  readonly endpoint: TinyServerAddress;
  /** @default the default export, whose name is empty */
  readonly exportName?: string | undefined;
  /** Milliseconds for one handshake. */
  readonly handshakeTimeoutMs?: number | undefined;
  /** Milliseconds for the first connection, over several attempts. */
  readonly openTimeoutMs?: number | undefined;
}

/** Makes the connectors that the suite tests. */
export interface ConnectorFactory {
  /** Makes a connector in real time, whose first delay between attempts is about a second. */
  create(wishes: ConnectorWishes): Connector;
}

/** What a rule is given. A rule may close the server and put another in its place. */
export interface ConnectorUnderTest {
  /** How the server is reached. */
  readonly transport: TinyServerAddress['type'];
  /** Where it listens. */
  readonly endpoint: TinyServerAddress;
  /** The server that listens now. */
  server: TinyServer;
  /** Makes a connector to it, which is released after the rule. */
  create(wishes?: Omit<ConnectorWishes, 'endpoint'>): Connector;
}

/** Runs a rule with a listening server; afterwards all connectors are released, and the server is closed. */
export async function useConnector(
  factory: ConnectorFactory,
  transport: TinyServerAddress['type'],
  work: (subject: ConnectorUnderTest) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'nbdjs-'));
  const server = new TinyServer();
  const connectors: Connector[] = [];
  const anyPort = { type: 'tcp', host: '127.0.0.1', port: 0 } as const;
  const endpoint = await server.listen(transport === 'tcp' ? anyPort : { type: 'unix', path: join(folder, 'socket') });
  const subject: ConnectorUnderTest = {
    transport,
    endpoint,
    server,
    create(wishes = {}) {
      const connector = factory.create({ endpoint, ...wishes });
      connectors.push(connector);
      return connector;
    },
  };
  try {
    await work(subject);
  } finally {
    for (const connector of connectors) connector.release();
    await subject.server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Collects bytes, and lets a rule wait for them. */
export class Listener implements ByteSink {
  readonly received: number[] = [];
  readonly #memory = new Uint8Array(1024);
  hasEnded = false;

  writable(): Uint8Array {
    return this.#memory;
  }

  advance(byteCount: number): void {
    this.received.push(...this.#memory.subarray(0, byteCount));
  }

  drained(): void {}

  ended(): void {
    this.hasEnded = true;
  }
}

/** Sends three bytes and waits for the server to send them back. */
export async function talk({ channel, excess }: Established): Promise<readonly number[]> {
  const listener = new Listener();
  listener.received.push(...excess);
  channel.open(listener);
  channel.send([Uint8Array.of(1, 2), Uint8Array.of(3)]);
  await until(() => listener.received.length >= 3, 'the echo', 5000);
  return listener.received;
}

/** The reason with which a promise rejects; `undefined` when it is fulfilled. */
export function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
}
