/** A multiplexer over a fake server, in virtual time. */
import { createMultiplexer, type Multiplexer, type MultiplexerOptions } from '@nbdjs/multiplexer';
import { FakeServer, type FakeServerOptions, VirtualClock } from '@nbdjs/testkit';

export interface SessionOptions extends FakeServerOptions {
  readonly multiplexer?: Partial<MultiplexerOptions> | undefined;
}

export interface Session {
  readonly server: FakeServer;
  readonly clock: VirtualClock;
  readonly device: Multiplexer;
}

/** Not yet open. */
export function makeSession({ multiplexer = {}, ...options }: SessionOptions = {}): Session {
  const server = new FakeServer(options);
  const clock = new VirtualClock();
  const device = createMultiplexer({
    connector: server.connector,
    clock,
    defer: (task) => process.nextTick(task),
    ...multiplexer,
  });
  return { server, clock, device };
}

export async function openSession(options: SessionOptions = {}): Promise<Session> {
  const session = makeSession(options);
  await session.device.open();
  return session;
}

/** Lets everything happen that can happen without time passing. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What a call fails with; that it succeeds is a failure of the test. */
export async function failure(work: unknown): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('this was to fail');
}

/** How a promise stands, without waiting for it. */
export function standing(promise: Promise<unknown>): () => 'pending' | 'resolved' | 'rejected' {
  let state: 'pending' | 'resolved' | 'rejected' = 'pending';
  promise.then(
    () => {
      state = 'resolved';
    },
    () => {
      state = 'rejected';
    },
  );
  return () => state;
}

/** Whether two pieces of memory hold the same. `toEqual` takes very long over long ones. */
export function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

/** An abort controller that counts the listeners of its signal. */
export class CountingAbort extends AbortController {
  listeners = 0;
  /** The most that there ever were. */
  listenersMax = 0;

  constructor() {
    super();
    const { signal } = this;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...parameters: Parameters<typeof add>) => {
      this.listeners++;
      this.listenersMax = Math.max(this.listenersMax, this.listeners);
      add(...parameters);
    };
    signal.removeEventListener = (...parameters: Parameters<typeof remove>) => {
      this.listeners--;
      remove(...parameters);
    };
  }
}
