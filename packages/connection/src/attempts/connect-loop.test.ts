/** The states of attempts, in virtual time. */
import { ConnectError, NegotiationError, TimeoutError, UsageError } from '@nbdjs/interfaces';
import { VirtualClock } from '@nbdjs/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Candidate, ConnectLoop, type ConnectLoopOptions } from './connect-loop.ts';
import { repetitionOptions } from './repetition-options.ts';

class FakeConnection implements Candidate<FakeConnection> {
  usable = true;
  fate: 'open' | 'taken' | 'discarded' = 'open';

  take(): FakeConnection {
    this.fate = 'taken';
    return this;
  }

  discard(): void {
    this.fate = 'discarded';
  }
}

/** An attempt under way, ended by the test. */
interface Trial {
  readonly signal: AbortSignal;
  succeed(): FakeConnection;
  fail(error?: Error): void;
}

let clock: VirtualClock;
let trials: Trial[];
let events: (readonly [event: string, fields: unknown])[];
let waiting: boolean;

function makeLoop(options: Partial<ConnectLoopOptions<FakeConnection>> = {}): ConnectLoop<FakeConnection> {
  return new ConnectLoop<FakeConnection>({
    ...repetitionOptions.resolve('connect', {}),
    name: 'nbd://example',
    attempt: (signal) =>
      new Promise((resolve, reject) => {
        trials.push({
          signal,
          succeed() {
            const connection = new FakeConnection();
            resolve(connection);
            return connection;
          },
          fail: (error = refused()) => reject(error),
        });
      }),
    clock,
    jitter: () => 0.5,
    trace: { enabled: true, emit: (event, fields) => events.push([event, fields]) },
    waiting: (on) => {
      waiting = on;
    },
    ...options,
  });
}

function refused(): ConnectError {
  return new ConnectError('ERR_NBD_REFUSED', 'nbd://example: connection refused');
}

function unknownExport(): NegotiationError {
  return new NegotiationError('ERR_NBD_UNKNOWN_EXPORT', 'nbd://example: no such export', { option: 'GO' });
}

/** The attempt under way. */
function trial(): Trial {
  return trials.at(-1) as Trial;
}

/** The state of a promise: pending, its value or its error. */
function watch<T>(promise: Promise<T>): { outcome: 'pending' | 'resolved' | 'rejected'; value?: T; reason?: unknown } {
  const watched: ReturnType<typeof watch<T>> = { outcome: 'pending' };
  promise.then(
    (value) => Object.assign(watched, { outcome: 'resolved', value }),
    (reason: unknown) => Object.assign(watched, { outcome: 'rejected', reason }),
  );
  return watched;
}

beforeEach(() => {
  clock = new VirtualClock();
  trials = [];
  events = [];
  waiting = false;
});

describe('one attempt', () => {
  it('gives its connection to the caller that waits', async () => {
    const attempts = makeLoop();
    const outcome = attempts.establish({ wait: true });
    expect(waiting).toBe(true);
    const connection = trial().succeed();
    expect(await outcome).toBe(connection);
    expect(connection.fate).toBe('taken');
    expect(waiting).toBe(false);
  });

  it('rejects the caller that waits with a copy of the error that has the number of attempts', async () => {
    const attempts = makeLoop();
    const outcome = attempts.establish({ wait: true });
    const error = refused();
    trial().fail(error);
    const reason = await outcome.catch((caught: unknown) => caught);
    expect(reason).toBeInstanceOf(ConnectError);
    expect(reason).not.toBe(error);
    expect(reason).toMatchObject({ code: 'ERR_NBD_REFUSED', message: error.message, attempts: 1 });
    expect(clock.pending).toBe(0);
  });

  it('turns any value that an attempt throws into an error', async () => {
    const attempts = makeLoop({ attempt: () => Promise.reject('just a text') });
    await expect(attempts.establish({ wait: true })).rejects.toThrow('just a text');
  });

  it('is the only one, however often it is asked for', async () => {
    const attempts = makeLoop();
    for (let round = 0; round < 3; round++) {
      const reason = await attempts.establish({ wait: false }).catch((caught: unknown) => caught);
      expect(reason).toMatchObject({ code: 'ERR_NBD_CONNECT_NONE_YET' });
    }
    const outcome = attempts.establish({ wait: true });
    expect(trials).toHaveLength(1);
    const connection = trial().succeed();
    expect(await outcome).toBe(connection);
  });

  it('lets one caller wait at a time', async () => {
    const attempts = makeLoop();
    const first = attempts.establish({ wait: true });
    await expect(attempts.establish({ wait: true })).rejects.toMatchObject({ code: 'ERR_NBD_STATE' });
    const connection = trial().succeed();
    expect(await first).toBe(connection);
  });

  it('reports what happens', async () => {
    const attempts = makeLoop();
    const outcome = attempts.establish({ wait: true });
    await clock.advance(30);
    trial().succeed();
    await outcome;
    attempts.release();
    expect(events).toEqual([
      ['attempt', { endpoint: 'nbd://example', attempt: 1 }],
      ['established', { endpoint: 'nbd://example', attempt: 1, durationMs: 30 }],
      ['released', { endpoint: 'nbd://example' }],
    ]);
  });
});

describe('asking without waiting', () => {
  it('rejects with none yet, then with the last error, while the attempt goes on, then resolves to the connection', async () => {
    const attempts = makeLoop();
    attempts.retry(true);
    await expect(attempts.establish({ wait: false })).rejects.toMatchObject({
      code: 'ERR_NBD_CONNECT_NONE_YET',
      message: 'nbd://example: no connection yet, the attempt goes on',
    });
    trial().fail();
    await clock.advance(0);
    const errors = [];
    for (let round = 0; round < 2; round++) {
      errors.push(await attempts.establish({ wait: false }).catch((caught: unknown) => caught));
    }
    expect(errors).toMatchObject([{ code: 'ERR_NBD_REFUSED' }, { code: 'ERR_NBD_REFUSED' }]);
    expect(errors[0]).not.toBe(errors[1]);
    await clock.advance(1000);
    expect(trials).toHaveLength(2);
    const connection = trial().succeed();
    await clock.advance(0);
    expect(await attempts.establish({ wait: false })).toBe(connection);
    expect(connection.fate).toBe('taken');
  });

  it('begins a new attempt when the last one failed and is not repeated', async () => {
    const attempts = makeLoop();
    await attempts.establish({ wait: false }).catch(() => {});
    trial().fail();
    await clock.advance(0);
    await expect(attempts.establish({ wait: false })).rejects.toMatchObject({ code: 'ERR_NBD_REFUSED' });
    expect(trials).toHaveLength(2);
  });

  it('does not disturb the caller that waits', async () => {
    const attempts = makeLoop();
    const outcome = attempts.establish({ wait: true });
    await expect(attempts.establish({ wait: false })).rejects.toMatchObject({ code: 'ERR_NBD_CONNECT_NONE_YET' });
    const connection = trial().succeed();
    expect(await outcome).toBe(connection);
  });
});

describe('trying again', () => {
  it('waits 1, 2, 4, 8, 16, 16, ... seconds between attempts', async () => {
    const attempts = makeLoop();
    attempts.retry(true);
    const outcome = attempts.establish({ wait: true });
    const startedAt: number[] = [];
    for (let round = 0; round < 7; round++) {
      startedAt.push(clock.now());
      const count = trials.length;
      trial().fail();
      while (trials.length === count) await clock.advance(100);
    }
    expect(startedAt).toEqual([0, 1000, 3000, 7000, 15_000, 31_000, 47_000]);
    const connection = trial().succeed();
    expect(await outcome).toBe(connection);
    expect(events.filter(([event]) => event === 'sleep')).toHaveLength(7);
  });

  it('begins with short delays again after a success', async () => {
    const attempts = makeLoop();
    attempts.retry(true);
    const outcome = attempts.establish({ wait: true });
    trial().fail();
    await clock.advance(1000);
    trial().fail();
    await clock.advance(2000);
    trial().succeed();
    await outcome;
    const next = watch(attempts.establish({ wait: true }));
    trial().fail();
    await clock.advance(1000);
    expect(trials).toHaveLength(5);
    trial().succeed();
    await clock.advance(0);
    expect(next.outcome).toBe('resolved');
  });

  it('can be switched off in the middle of a sleep, which ends the wait with the last error', async () => {
    const attempts = makeLoop();
    attempts.retry(true);
    const outcome = attempts.establish({ wait: true });
    trial().fail();
    await clock.advance(10);
    attempts.retry(false);
    await expect(outcome).rejects.toMatchObject({ code: 'ERR_NBD_REFUSED', attempts: 1 });
    await clock.advance(60_000);
    expect(trials).toHaveLength(1);
  });

  it('counts the attempts', async () => {
    const attempts = makeLoop();
    attempts.retry(true);
    const outcome = attempts.establish({ wait: true });
    for (const delayMs of [1000, 2000]) {
      trial().fail();
      await clock.advance(delayMs);
    }
    attempts.retry(false);
    trial().fail();
    await expect(outcome).rejects.toMatchObject({ attempts: 3 });
  });
});

describe('permanent refusals', () => {
  it('end the repetition', async () => {
    const attempts = makeLoop();
    attempts.retry(true);
    const outcome = attempts.establish({ wait: true });
    trial().fail(unknownExport());
    await expect(outcome).rejects.toBeInstanceOf(NegotiationError);
    await clock.advance(60_000);
    expect(trials).toHaveLength(1);
    expect(events).toContainEqual(['failed', expect.objectContaining({ permanent: true })]);
  });

  it('are repeated like other errors, if the options ask for it', async () => {
    const attempts = makeLoop({ stopOnPermanent: false });
    attempts.retry(true);
    const outcome = attempts.establish({ wait: true });
    trial().fail(unknownExport());
    await clock.advance(1000);
    const connection = trial().succeed();
    expect(await outcome).toBe(connection);
  });

  it('do not include passing conditions', async () => {
    const attempts = makeLoop();
    attempts.retry(true);
    const outcome = watch(attempts.establish({ wait: true }));
    trial().fail(new NegotiationError('ERR_NBD_SERVER_SHUTDOWN', 'shutting down', { permanent: false }));
    await clock.advance(1000);
    trial().fail(new TimeoutError('handshake', 'too slow'));
    await clock.advance(2000);
    expect(trials).toHaveLength(3);
    expect(outcome.outcome).toBe('pending');
    attempts.release();
  });
});

describe('ending a wait', () => {
  it('does not stop the attempt, whose connection goes to the next caller', async () => {
    const attempts = makeLoop();
    const controller = new AbortController();
    const outcome = attempts.establish({ wait: true, signal: controller.signal });
    const reason = new Error('waited long enough');
    controller.abort(reason);
    await expect(outcome).rejects.toBe(reason);
    expect(waiting).toBe(false);
    expect(trial().signal.aborted).toBe(false);
    const connection = trial().succeed();
    await clock.advance(0);
    expect(connection.fate).toBe('open');
    expect(await attempts.establish({ wait: true })).toBe(connection);
    expect(trials).toHaveLength(1);
  });

  it('lets the next caller wait for the same attempt', async () => {
    const attempts = makeLoop();
    const controller = new AbortController();
    const outcome = attempts.establish({ wait: true, signal: controller.signal });
    controller.abort(new Error('not any more'));
    await expect(outcome).rejects.toThrow('not any more');
    const next = attempts.establish({ wait: true });
    const connection = trial().succeed();
    expect(await next).toBe(connection);
  });

  it('rejects at once when the signal has been aborted before', async () => {
    const attempts = makeLoop();
    const signal = AbortSignal.abort(new Error('never mind'));
    await expect(attempts.establish({ wait: true, signal })).rejects.toThrow('never mind');
    expect(trials).toHaveLength(0);
  });

  it('leaves no listener on the signal', async () => {
    const attempts = makeLoop();
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...parameters: Parameters<typeof add>) => {
      listeners++;
      add(...parameters);
    };
    signal.removeEventListener = (...parameters: Parameters<typeof remove>) => {
      listeners--;
      remove(...parameters);
    };
    const outcome = attempts.establish({ wait: true, signal });
    expect(listeners).toBe(1);
    trial().succeed();
    await outcome;
    expect(listeners).toBe(0);
  });
});

describe('a connection that is kept', () => {
  it('is discarded when its peer has closed it, and replaced', async () => {
    const attempts = makeLoop();
    await attempts.establish({ wait: false }).catch(() => {});
    const first = trial().succeed();
    await clock.advance(0);
    first.usable = false;
    const outcome = attempts.establish({ wait: true });
    expect(first.fate).toBe('discarded');
    expect(trials).toHaveLength(2);
    const second = trial().succeed();
    expect(await outcome).toBe(second);
  });

  it('is closed by release', async () => {
    const attempts = makeLoop();
    await attempts.establish({ wait: false }).catch(() => {});
    const connection = trial().succeed();
    await clock.advance(0);
    attempts.release();
    expect(connection.fate).toBe('discarded');
  });
});

describe('release', () => {
  it('drops an attempt, and closes the connection that it makes nevertheless', async () => {
    const attempts = makeLoop();
    const outcome = attempts.establish({ wait: true });
    attempts.release();
    await expect(outcome).rejects.toMatchObject({ code: 'ERR_NBD_CLOSED' });
    expect(trial().signal.aborted).toBe(true);
    const connection = trial().succeed();
    await clock.advance(0);
    expect(connection.fate).toBe('discarded');
  });

  it('interrupts a sleep', async () => {
    const attempts = makeLoop();
    attempts.retry(true);
    const outcome = attempts.establish({ wait: true });
    trial().fail();
    await clock.advance(10);
    attempts.release();
    await expect(outcome).rejects.toBeInstanceOf(UsageError);
    expect(clock.pending).toBe(0);
    await clock.advance(60_000);
    expect(trials).toHaveLength(1);
  });

  it('is final, and may be repeated', async () => {
    const attempts = makeLoop();
    attempts.release();
    attempts.release();
    attempts.retry(true);
    await expect(attempts.establish({ wait: true })).rejects.toMatchObject({ code: 'ERR_NBD_CLOSED' });
    expect(trials).toHaveLength(0);
    expect(events).toHaveLength(1);
  });

  it('reports nothing of an attempt that fails afterwards', async () => {
    const attempts = makeLoop();
    await attempts.establish({ wait: false }).catch(() => {});
    attempts.release();
    trial().fail();
    await clock.advance(60_000);
    expect(trials).toHaveLength(1);
  });
});

describe('the open timeout', () => {
  it('repeats attempts until the first success, without retry', async () => {
    const attempts = makeLoop({ openTimeoutMs: 10_000 });
    const outcome = attempts.establish({ wait: true });
    trial().fail();
    await clock.advance(1000);
    trial().succeed();
    await outcome;
    expect(clock.pending).toBe(0);
    const next = attempts.establish({ wait: true });
    trial().fail();
    await expect(next).rejects.toMatchObject({ code: 'ERR_NBD_REFUSED' });
  });

  it('B7: waits for an export that the server does not have yet, with `awaitExport`', async () => {
    const impatient = makeLoop({ openTimeoutMs: 10_000 }).establish({ wait: true });
    trial().fail(unknownExport());
    await expect(impatient).rejects.toMatchObject({ code: 'ERR_NBD_UNKNOWN_EXPORT' });
    const attempts = makeLoop({ openTimeoutMs: 10_000, awaitExport: true });
    const outcome = attempts.establish({ wait: true });
    trial().fail(unknownExport());
    await clock.advance(1000);
    trial().succeed();
    await outcome;
    expect(clock.pending).toBe(0);
  });

  it('ends early after `openAttemptsMax` attempts, with the last error', async () => {
    const attempts = makeLoop({ openTimeoutMs: 10_000, openAttemptsMax: 2 });
    const outcome = watch(attempts.establish({ wait: true }));
    trial().fail();
    await clock.advance(1000);
    trial().fail();
    await clock.advance(0);
    expect(outcome.reason).toMatchObject({ code: 'ERR_NBD_REFUSED', attempts: 2 });
    expect(trials).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  it('ends the wait with the last error as its cause', async () => {
    const attempts = makeLoop({ openTimeoutMs: 5000 });
    const outcome = watch(attempts.establish({ wait: true }));
    trial().fail();
    await clock.advance(1000);
    trial().fail();
    await clock.advance(4000);
    expect(outcome.reason).toBeInstanceOf(TimeoutError);
    expect(outcome.reason).toMatchObject({
      phase: 'open',
      message: expect.stringContaining('nbd://example: no connection within 5000 ms'),
      cause: { code: 'ERR_NBD_REFUSED' },
    });
    attempts.release();
    expect(clock.pending).toBe(0);
  });

  it('ends the wait for a first attempt that is slow', async () => {
    const attempts = makeLoop({ openTimeoutMs: 5000 });
    const outcome = watch(attempts.establish({ wait: true }));
    await clock.advance(5000);
    expect(outcome.reason).toMatchObject({ code: 'ERR_NBD_TIMEOUT', phase: 'open' });
    attempts.release();
  });
});
