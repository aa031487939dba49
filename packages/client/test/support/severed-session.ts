/** Our client and our server, in memory and virtual time, with a script of all commands and connections that are cut. */
import { negotiate } from '@nbdjs/connection';
import { ConnectError, type Connector, type HeaderMode, type WriteOptions } from '@nbdjs/interfaces';
import { createMultiplexer, type Multiplexer, type MultiplexerOptions } from '@nbdjs/multiplexer';
import { createServer, type Server } from '@nbdjs/server';
import { createFaultLayer, createLogLayer, createMemoryDevice, type LogEntry } from '@nbdjs/storage';
import { patternBytes, VirtualClock } from '@nbdjs/testkit';
import { type Cut, SeveredWire } from './severed-wire.ts';

const sessionBytes = 64 * 1024;

/** Holes, and bytes of different kinds; long payloads are made of one. */
function initialContent(): Uint8Array {
  const content = new Uint8Array(sessionBytes);
  content.set(patternBytes(1000));
  return content.fill(0x55, 30_000, 36_000);
}

/** What the script leaves behind. */
export function finalContent(): Uint8Array {
  const content = initialContent();
  return content.fill(1, 100, 160).fill(3, 120, 130).fill(2, 1000, 6000).fill(0, 7000, 7600).fill(0, 30_100, 30_200);
}

/** Trims from here on fail: an error of the device must stay one. */
const unfitForTrim = 60_000;

export interface SessionOptions extends Partial<MultiplexerOptions> {
  readonly mode: HeaderMode;
  /** Of each connection, in the order in which they are made; those that follow are whole. */
  readonly cuts?: readonly Cut[] | undefined;
  /** Whether writes lend their memory until a flush has covered it. */
  readonly retains?: boolean | undefined;
}

/** What a call of the script fails with that found other bytes than it should. */
export class WrongBytesError extends Error {}

/** What became of one call of the script. */
export interface Outcome {
  /** The command and its place, as the device sees it. */
  readonly key: string;
  readonly error: unknown;
  /** How many connections there had been when it was settled. */
  readonly settledAt: number;
}

export class SeveredSession {
  readonly device: Multiplexer;
  readonly server: Server;
  readonly wires: SeveredWire[] = [];
  /**
   * What the device was asked for, with the number of the connection that was newest then. That is the one that has asked, as long as
   * the server takes a piece of the stream as a whole: its memory for requests has to be as long as a wire's.
   */
  readonly log: (LogEntry & { readonly connection: number })[] = [];
  readonly outcomes: Outcome[] = [];
  readonly clock = new VirtualClock();
  readonly serverClock = new VirtualClock();
  /** Why there never was a device to ask; the script has not run then. */
  openError: unknown;
  /** How many bytes of the first connection were the handshake's. */
  handshake: SeveredWire['passed'] = { sent: 0, received: 0 };
  /** No connection is accepted any more. */
  #isDown = false;
  readonly #storage = createMemoryDevice({ size: sessionBytes });
  readonly #options: SessionOptions;
  /** Memory that is lent to the device at present. */
  #loanCount = 0;
  #isRetrying = false;
  #isReleased = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#storage.write(0, initialContent());
    const faulty = createFaultLayer(this.#storage, {
      fail: ({ command, offset = 0 }) => (command === 'trim' && offset >= unfitForTrim ? 'EIO' : undefined),
    });
    const log = (entry: LogEntry) => this.log.push({ ...entry, connection: this.wires.length });
    const recording = createLogLayer(faulty, { clock: this.serverClock, log });
    const { serverClock: clock } = this;
    this.server = createServer({ exports: { '': recording }, mode: options.mode, clock, busyPollMs: 0 });
    const defer = (task: () => void) => process.nextTick(task);
    const { mode: _mode, cuts: _cuts, retains: _retains, ...deviceOptions } = options;
    this.device = createMultiplexer({ connector: this.#connector(), clock: this.clock, defer, ...deviceOptions });
  }

  /** Whether everything that was ever made is gone. */
  get hasLeftNothing(): boolean {
    const { device, server, clock, serverClock } = this;
    const isQuiet = clock.pending === 0 && serverClock.pending === 0 && this.#loanCount === 0;
    return isQuiet && device.state === 'closed' && server.sessions.length === 0 && server.bytesInFlight === 0;
  }

  /** The bytes of the export. */
  get content(): Uint8Array {
    const content = new Uint8Array(sessionBytes);
    void this.#storage.read(0, content);
    return content;
  }

  /** Opens the device, runs the script and closes everything, with any result. Without a reconnect delay, no server listens again. */
  async run(): Promise<this> {
    const { device } = this;
    await this.#until(device.open()).catch((error: unknown) => {
      this.openError = error;
    });
    this.handshake = this.wires[0]?.passed ?? this.handshake;
    if (this.openError === undefined) {
      this.#isDown = (this.#options.reconnectDelayMs ?? 0) === 0;
      await this.#until(this.#runScript());
      await this.#until(device.close());
    } else {
      device.destroy();
    }
    await this.#until(Promise.all(this.wires.map(({ client }) => client.closed)));
    await this.#until(this.server.close());
    return this;
  }

  /** Lets virtual time pass until a call is over. */
  async #until<Result>(work: Promise<Result>): Promise<Result> {
    let isOver = false;
    const settled = work.finally(() => {
      isOver = true;
    });
    settled.catch(() => {});
    while (!isOver) {
      for (let turns = 0; turns < 30 && !isOver; turns++) await new Promise((resolve) => setImmediate(resolve));
      if (!isOver) await this.clock.advance(100);
    }
    return settled;
  }

  /** Every command, many at a time; reads hold what they found against the model. */
  async #runScript(): Promise<void> {
    const { device } = this;
    await Promise.all([
      this.#call('read 0', () => this.#read(0, 40)),
      this.#call('write 100', () => this.#write(100, 60, 1)),
      this.#call('read 200', () => this.#read(200, 20)),
      this.#call('trim 30100', () => device.trim(30_100, 100)),
      this.#call('write 1000', () => this.#write(1000, 5000, 2)),
      this.#call('read 31000', () => this.#read(31_000, 5000)),
      this.#call('writeZeroes 7000', () => device.writeZeroes(7000, 600)),
      this.#call(`trim ${unfitForTrim}`, () => device.trim(unfitForTrim, 100)),
      this.#call('cache 300', () => device.cache(300, 100)),
      ...(this.#options.mode === 'simple' ? [] : [this.#call('blockStatus 400', () => device.blockStatus(400, 100))]),
    ]);
    await Promise.all([
      this.#call('write 120', () => this.#write(120, 10, 3, { fua: true })),
      this.#call('flush', () => device.flush()),
      this.#call('read 500', () => this.#read(500, 10)),
    ]);
    await this.#call('read 1000', () => this.#read(1000, 5000));
  }

  /** Whether all cuts have come. */
  get isCut(): boolean {
    const { cuts = [] } = this.#options;
    const never = Number.POSITIVE_INFINITY;
    return cuts.every(({ sent = never, received = never }, index) => {
      const passed = this.wires[index]?.passed ?? { sent: 0, received: 0 };
      return passed.sent >= sent || passed.received >= received;
    });
  }

  /** By which connections the device was asked for something, by their numbers. */
  executions(key: string): readonly number[] {
    return this.log.flatMap(({ command, offset, connection }) =>
      (offset === undefined ? command : `${command} ${offset}`) === key ? [connection] : [],
    );
  }

  async #call(key: string, work: () => unknown): Promise<void> {
    let error: unknown;
    try {
      await work();
    } catch (reason) {
      error = reason;
    }
    this.outcomes.push({ key, error, settledAt: this.wires.length });
  }

  /** The memory has other bytes as soon as it is the caller's again. */
  async #write(offset: number, length: number, value: number, options: WriteOptions = {}): Promise<void> {
    const memory = new Uint8Array(length).fill(value);
    this.#loanCount++;
    const released = (): void => {
      this.#loanCount--;
      memory.fill(0xee);
    };
    if (this.#options.retains) return this.device.retainedWrites.writeRetained(offset, memory, released, options);
    await this.device.write(offset, memory, options).finally(released);
  }

  async #read(offset: number, length: number): Promise<void> {
    const target = new Uint8Array(length);
    await this.device.read(offset, target);
    if (Buffer.compare(target, this.content.subarray(offset, offset + length)) !== 0) {
      throw new WrongBytesError(`the ${length} bytes read at ${offset} are not those of the export`);
    }
  }

  #connector(): Connector {
    return {
      establish: async ({ signal }) => {
        for (;;) {
          signal?.throwIfAborted();
          if (this.#isReleased || this.#isDown) throw new ConnectError('ERR_NBD_REFUSED', 'no server listens');
          const wire = new SeveredWire(this.#options.cuts?.[this.wires.length]);
          this.wires.push(wire);
          void this.server.accept(wire.server);
          const handshake = { mode: this.#options.mode, contexts: ['base:allocation'] };
          try {
            return await negotiate(wire.client, handshake, { clock: this.clock, name: 'test' });
          } catch (error) {
            if (!this.#isRetrying) throw error;
          }
        }
      },
      retry: (on) => {
        this.#isRetrying = on;
      },
      release: () => {
        this.#isReleased = true;
      },
    };
  }
}
