/** Opens connections to the server, and closes those that a rule has left open. */
import { type ByteChannel, type Clock, isNbdError } from '@nbdjs/interfaces';
import type { ExaminedServer } from '../target.ts';
import type { Transcript } from '../wire/transcript.ts';
import { Wire } from '../wire/wire.ts';
import { Fault, Inapplicable, Unreachable } from './outcomes.ts';

/** What connections are opened with. */
export interface ConnectionSettings {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The connections of one rule. */
export class Connections {
  readonly exportName: string;
  readonly #server: ExaminedServer;
  readonly #settings: ConnectionSettings;
  readonly #transcript: Transcript;
  #wires: Wire[] = [];

  constructor(server: ExaminedServer, settings: ConnectionSettings, transcript: Transcript) {
    this.#server = server;
    this.#settings = settings;
    this.#transcript = transcript;
    this.exportName = server.exportName ?? '';
  }

  /**
   * Opens a connection. Those before are closed at first, unless they have to stay: some servers have room for one client only.
   *
   * @throws Unreachable, or the signal's reason.
   */
  async open(keepsOthers = false): Promise<Wire> {
    if (!keepsOthers) await this.close();
    const { timeoutMs, signal, clock } = this.#settings;
    signal.throwIfAborted();
    const abort = new AbortController();
    const onAbort = (): void => abort.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const cancel = clock.schedule(timeoutMs, () =>
      abort.abort(new Unreachable(`no connection within ${timeoutMs} ms`)),
    );
    try {
      const channel = await this.#server.open({ signal: abort.signal });
      const wire = new Wire(channel, { clock, timeoutMs, transcript: this.#transcript });
      this.#wires.push(wire);
      if (signal.aborted) wire.destroy();
      signal.throwIfAborted();
      return wire;
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof Unreachable ? error : new Unreachable(messageOf(error));
    } finally {
      cancel();
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** @throws Fault when TLS fails, Inapplicable when it is not set up. */
  async startTls(wire: Wire): Promise<void> {
    const { startTls } = this.#server;
    if (startTls === undefined) throw new Inapplicable('no TLS is set up here');
    let failure: unknown;
    try {
      await wire.startTls((channel: ByteChannel) => startTls(channel));
    } catch (error) {
      this.#settings.signal.throwIfAborted();
      failure = error;
    }
    if (failure !== undefined) throw new Fault(`TLS fails: ${messageOf(failure)}`);
  }

  /** Destroys all connections at once, when the examination is aborted. */
  destroy(): void {
    for (const wire of this.#wires) wire.destroy();
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    const wires = this.#wires;
    this.#wires = [];
    await Promise.all(wires.map((wire) => wire.leave()));
  }
}

function messageOf(error: unknown): string {
  if (isNbdError(error)) return error.message;
  return error instanceof Error ? error.message || error.name : String(error);
}
