import { type ByteChannel, type ChannelOpener, ConnectError } from '@nbdjs/interfaces';
import { VirtualClock } from '@nbdjs/testkit';
import { createMemoryPair } from '@nbdjs/transport';
import { describe, expect, it } from 'vitest';
import { isOpener, nameOfOpener, openerSource } from './opener-source.ts';

const connectTimeoutMs = 1000;

function setUp(open: ChannelOpener['open'], signal?: AbortSignal) {
  const clock = new VirtualClock();
  const source = openerSource({ open }, 'wss://far');
  const outcome = source.connect({ signal, connectTimeoutMs, clock }).catch((reason: unknown) => reason);
  return { clock, outcome };
}

/** A promise that the test settles. */
function pending<Value>() {
  let resolve!: (value: Value) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<Value>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  return { promise, resolve, reject };
}

const isClosed = async (channel: ByteChannel): Promise<boolean> =>
  await Promise.race([channel.closed.then(() => true), new Promise<false>((no) => setTimeout(no, 50, false))]);

describe('an opener', () => {
  it('gives a channel, at once or later', async () => {
    const [channel] = createMemoryPair();
    const atOnce = setUp(() => channel);
    expect(await atOnce.outcome).toBe(channel);
    const later = setUp(async () => channel);
    expect(await later.outcome).toBe(channel);
    expect([atOnce.clock.pending, later.clock.pending]).toEqual([0, 0]);
    expect(await isClosed(channel)).toBe(false);
  });

  it('has a limited time, and is told of its end', async () => {
    let told: AbortSignal | undefined;
    const { promise, resolve } = pending<ByteChannel>();
    const { clock, outcome } = setUp(({ signal }) => {
      told = signal;
      return promise;
    });
    await clock.advance(connectTimeoutMs - 1);
    expect(told?.aborted).toBe(false);
    await clock.advance(1);
    const error = await outcome;
    expect(error).toMatchObject({ code: 'ERR_NBD_TIMEOUT', phase: 'connect' });
    expect(error).toMatchObject({ message: 'cannot connect to wss://far: it was not opened within 1000 ms' });
    expect(told?.reason).toBe(error);
    const [late] = createMemoryPair();
    resolve(late);
    expect(await isClosed(late)).toBe(true);
  });

  it('is told when the channel is not wanted any more; a channel that comes later is closed', async () => {
    const controller = new AbortController();
    let told: AbortSignal | undefined;
    const { promise, resolve } = pending<ByteChannel>();
    const { clock, outcome } = setUp(({ signal }) => {
      told = signal;
      return promise;
    }, controller.signal);
    const reason = new Error('no longer wanted');
    await clock.advance(0);
    controller.abort(reason);
    expect(await outcome).toBe(reason);
    expect(told?.reason).toBe(reason);
    expect(clock.pending).toBe(0);
    const [late] = createMemoryPair();
    resolve(late);
    expect(await isClosed(late)).toBe(true);
  });

  it('may fail late, which nobody hears of', async () => {
    const controller = new AbortController();
    const { promise, reject } = pending<ByteChannel>();
    const { outcome } = setUp(() => promise, controller.signal);
    controller.abort(new Error('no longer wanted'));
    expect(await outcome).toMatchObject({ message: 'no longer wanted' });
    // A rejection that is not handled would fail this run.
    reject(new Error('late'));
    await new Promise((resolve) => setImmediate(resolve));
  });

  it('is not asked when the signal is aborted already', async () => {
    let isAsked = false;
    const reason = new Error('never mind');
    const { outcome } = setUp(() => {
      isAsked = true;
      return new Promise<never>(() => {});
    }, AbortSignal.abort(reason));
    expect(await outcome).toBe(reason);
    expect(isAsked).toBe(false);
  });

  it.each<[string, () => never, string]>([
    ['an error', () => fail(new Error('no route\n  at all')), 'cannot connect to wss://far: no route'],
    ['an error without words', () => fail(new TypeError('')), 'cannot connect to wss://far: TypeError'],
    ['no error at all', () => fail('closed'), 'cannot connect to wss://far: closed'],
  ])('may throw %s: the cause of a ConnectError', async (_, open, message) => {
    for (const one of [open, async () => open()]) {
      const { clock, outcome } = setUp(one);
      const error = await outcome;
      expect(error).toBeInstanceOf(ConnectError);
      expect(error).toMatchObject({ code: 'ERR_NBD_CONNECT', permanent: false, message, cause: expect.any(Error) });
      expect(clock.pending).toBe(0);
    }
  });

  it('may throw an error of ours, which gets the name of the server', async () => {
    const thrown = new ConnectError('ERR_NBD_REFUSED', 'HTTP 403', { permanent: true });
    const { outcome } = setUp(() => fail(thrown));
    expect(await outcome).toBe(thrown);
    expect(thrown.message).toBe('wss://far: HTTP 403');
  });

  it.each([undefined, null, 5, {}, new ArrayBuffer(1)])('may not give %o', async (value) => {
    const { clock, outcome } = setUp(async () => value as never);
    expect(await outcome).toMatchObject({
      code: 'ERR_NBD_ARGUMENT',
      message: expect.stringMatching(/^wss:\/\/far: its opener returned .*, expected a ByteChannel/),
    });
    expect(clock.pending).toBe(0);
  });

  it('is not a channel', () => {
    const [channel] = createMemoryPair();
    expect([{ open() {} }, channel, {}, null, undefined].map(isOpener)).toEqual([true, false, false, false, false]);
    channel.destroy();
  });

  it('has a name, and the export has one', () => {
    const opener = { open: () => fail('unused'), name: 'wss://far' };
    expect(nameOfOpener(opener)).toBe('wss://far');
    expect(nameOfOpener(opener, 'a\nb')).toMatch(/^wss:\/\/far, export 'a.*b'$/);
    expect(nameOfOpener({ open: opener.open })).toBe('NBD');
  });
});

function fail(reason: unknown): never {
  throw reason;
}
