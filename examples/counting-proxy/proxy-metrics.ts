/** What each client does with a device, as metrics for Prometheus. */
import { systemClock } from '@nbdjs/node';
import { type BlockDevice, createLogLayer, type LogEntry } from '@nbdjs/storage';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export interface ProxyMetricsOptions {
  /** Clients that are remembered; the one that was opened the longest ago is forgotten first. @default 200 */
  readonly clientsMax?: number | undefined;
}

/** Seconds: from the cache of a server nearby to a disk that is too busy. */
const buckets = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];

/** Those whose length counts: of the others it is a question, or a hint. */
const movesBytes: ReadonlySet<LogEntry['command']> = new Set(['read', 'write', 'trim', 'writeZeroes']);

export class ProxyMetrics {
  readonly registry = new Registry();
  readonly #clientsMax: number;
  /** In the order in which they came last. */
  readonly #clients = new Set<string>();
  /** The commands of each client that have series. */
  readonly #commands = new Map<string, Set<string>>();
  readonly #requests = new Counter({
    name: 'nbd_proxy_requests_total',
    help: 'Requests that have been answered',
    labelNames: ['client', 'command'],
    registers: [this.registry],
  });
  readonly #failures = new Counter({
    name: 'nbd_proxy_failures_total',
    help: 'Requests that have failed',
    labelNames: ['client', 'command'],
    registers: [this.registry],
  });
  readonly #bytes = new Counter({
    name: 'nbd_proxy_bytes_total',
    help: 'Bytes that were read, written, trimmed or zeroed',
    labelNames: ['client', 'command'],
    registers: [this.registry],
  });
  readonly #seconds = new Histogram({
    name: 'nbd_proxy_request_seconds',
    help: 'From the request to its answer, without the network of the client',
    labelNames: ['client', 'command'],
    buckets,
    registers: [this.registry],
  });

  constructor({ clientsMax = 200 }: ProxyMetricsOptions = {}) {
    this.#clientsMax = clientsMax;
  }

  /** The device as one client sees it: each call is counted for that client. */
  watch(device: BlockDevice, client: string): BlockDevice {
    this.#remember(client);
    return createLogLayer(device, { clock: systemClock, log: (entry) => this.#count(client, entry) });
  }

  /** Shows how many clients there are, as the server says when it is asked. */
  showClients(count: () => number): void {
    new Gauge({
      name: 'nbd_proxy_clients',
      help: 'Clients that are connected',
      registers: [this.registry],
      collect() {
        this.set(count());
      },
    });
  }

  #count(client: string, { command, length = 0, durationMs, error }: LogEntry): void {
    const commands = this.#commands.get(client);
    // A client that was forgotten while it was connected.
    if (commands === undefined) return;
    commands.add(command);
    const labels = { client, command };
    this.#requests.inc(labels);
    this.#seconds.observe(labels, durationMs / 1000);
    if (error !== undefined) this.#failures.inc(labels);
    else if (movesBytes.has(command)) this.#bytes.inc(labels, Number(length));
  }

  /** Series of clients that never come back would grow without end. */
  #remember(client: string): void {
    this.#clients.delete(client);
    this.#clients.add(client);
    if (!this.#commands.has(client)) this.#commands.set(client, new Set());
    if (this.#clients.size <= this.#clientsMax) return;
    const [oldest = client] = this.#clients;
    this.#clients.delete(oldest);
    for (const command of this.#commands.get(oldest) ?? []) {
      for (const metric of [this.#requests, this.#failures, this.#bytes, this.#seconds]) {
        metric.remove({ client: oldest, command });
      }
    }
    this.#commands.delete(oldest);
  }
}
