/** The resources that `nbd serve` has open; closes them in order. */
import type { BlockDevice } from '@nbdjs/interfaces';
import type { Server, ThreadedServer } from '@nbdjs/server';
import type { Listener } from '@nbdjs/transport';
import type { Upstreams } from '../../connecting/upstreams.ts';
import type { Terminal } from '../../terminal.ts';
import { writePidFile } from './pid-file.ts';
import { reloadTls } from './tls.ts';

/** How much longer than its limit the end of the server may take when nothing hangs, in milliseconds. */
const marginMs = 2000;

export class Service {
  readonly #upstreams: Upstreams;
  /** Clients have this long, in milliseconds. */
  readonly #closeLimitMs: number;
  /** Then each device has this long, in milliseconds. */
  readonly #deviceLimitMs: number;
  readonly #terminal: Terminal;
  readonly #devices: BlockDevice[] = [];
  readonly #listeners: Listener[] = [];
  readonly #stopped: Promise<void>;
  #server: Server | ThreadedServer | undefined;
  #stop = (): void => {};
  #ignoreHangups = (): void => {};
  #removePidFile = (): void => {};

  constructor(upstreams: Upstreams, closeLimitMs: number, terminal: Terminal, deviceLimitMs = closeLimitMs) {
    this.#upstreams = upstreams;
    this.#closeLimitMs = closeLimitMs;
    this.#deviceLimitMs = deviceLimitMs;
    this.#terminal = terminal;
    this.#stopped = new Promise((resolve) => {
      this.#stop = resolve;
    });
  }

  get listeners(): readonly Listener[] {
    return this.#listeners;
  }

  addDevice(device: BlockDevice): void {
    this.#devices.push(device);
  }

  addListener(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** From now on the server is closed with the rest, signals stop it, and with TLS SIGHUP reloads its certificates. */
  useServer(server: Server | ThreadedServer, isTls: boolean): void {
    this.#server = server;
    this.#terminal.signal.addEventListener('abort', () => this.#stop(), { once: true });
    if (isTls) this.onHangup(() => reloadTls(server, this.#terminal));
  }

  /** Has SIGHUP do something until the service is closed. */
  onHangup(task: () => void): void {
    this.#ignoreHangups = this.#terminal.onHangup(task);
  }

  /** Writes the process id, and removes the file at the end. Does nothing without a path. */
  writePidFile(path: string | undefined): void {
    if (path !== undefined) this.#removePidFile = writePidFile(path);
  }

  stop(): void {
    this.#stop();
  }

  /** Settles when the server is to stop. */
  async stopped(): Promise<void> {
    if (!this.#terminal.signal.aborted) await this.#stopped;
  }

  async close(): Promise<void> {
    this.#ignoreHangups();
    const cancelAbandoning = this.#upstreams.endInTime();
    for (const listener of this.#listeners) await listener.close();
    // Sessions end when no device works for them any more, which does not happen while a device hangs.
    // Those of a server with threads have their devices to close, too.
    if (this.#server !== undefined) await within(2 * this.#closeLimitMs + marginMs, this.#server.close());
    // All of them, also where one fails.
    const failures: unknown[] = [];
    for (const device of this.#devices) {
      await this.#closeDevice(device).catch((error: unknown) => failures.push(error));
    }
    cancelAbandoning();
    this.#removePidFile();
    if (failures.length > 0) throw failures[0];
  }

  async #closeDevice(device: BlockDevice): Promise<void> {
    if (await within(this.#deviceLimitMs, device.close())) return;
    this.#terminal.note(
      `nbd: a device took more than ${this.#deviceLimitMs} ms to close, and what was not flushed may be lost`,
    );
  }
}

/** Waits for something, but no longer than the limit: the file system behind a file may hang. Returns whether it was in time. */
async function within(limitMs: number, work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  return await Promise.race([work.then(() => true), limit]).finally(() => clearTimeout(timer));
}
