import { Duplex } from 'node:stream';
import type { ByteSink } from '@nbdjs/interfaces';
import { describe, expect, it } from 'vitest';
import { StreamChannel } from './stream-channel.ts';

/** A stream whose kernel is the test: it takes bytes when the test calls it. */
class SlowStream extends Duplex {
  readonly #taken: (() => void)[] = [];

  override _write(_chunk: unknown, _encoding: unknown, done: () => void): void {
    this.#taken.push(done);
  }

  override _writev(_chunks: unknown, done: () => void): void {
    this.#taken.push(done);
  }

  override _read(): void {}

  /** Takes what was written at once; returns whether there was anything. */
  accept(): boolean {
    const done = this.#taken.shift();
    done?.();
    return done !== undefined;
  }
}

function setUp() {
  const stream = new SlowStream();
  const channel = new StreamChannel(stream, { name: 'slow', transport: 'descriptor', tls: false });
  const calls: string[] = [];
  const sink: ByteSink = {
    writable: () => new Uint8Array(10),
    advance: (byteCount) => void calls.push(`advance ${byteCount}`),
    drained: () => void calls.push('drained'),
    ended: (cause) => void calls.push(`ended ${cause?.message}`),
  };
  channel.open(sink);
  return { stream, channel, calls, sink };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a channel over a slow stream', () => {
  it('reports `drained` when bytes were sent after those that were watched', async () => {
    const { stream, channel, calls } = setUp();
    expect(channel.send([new Uint8Array(10)])).toBe(false);
    stream.accept();
    // The empty write that watches the first send is under way, and does not see this one.
    expect(channel.send([new Uint8Array(10)])).toBe(false);
    for (let round = 0; round < 10; round++) {
      stream.accept();
      await turn();
    }
    expect(stream.writableLength).toBe(0);
    expect(calls).toEqual(['drained']);
  });

  it('reports it once for many sends', async () => {
    const { stream, channel, calls } = setUp();
    for (let round = 0; round < 100; round++) expect(channel.send([new Uint8Array(1000)])).toBe(false);
    expect(calls).toEqual([]);
    while (stream.accept()) await turn();
    expect(calls).toEqual(['drained']);
  });

  it('does not report it when the stream breaks', async () => {
    const { stream, channel, calls } = setUp();
    channel.send([new Uint8Array(10)]);
    stream.destroy(new Error('broken'));
    expect(await channel.closed).toMatchObject({ by: 'error', cause: { message: 'broken' } });
    await turn();
    expect(calls).toEqual(['ended broken']);
  });

  it('F24: ends when the stream reports an error and is not closed', async () => {
    const { stream, channel, calls } = setUp();
    stream.emit('error', new Error('an unknown message'));
    expect(calls).toEqual(['ended an unknown message']);
    expect(stream.destroyed).toBe(true);
    expect(channel.send([new Uint8Array(1)])).toBe(true);
    expect(await channel.closed).toMatchObject({ by: 'error', cause: { message: 'an unknown message' } });
    expect(calls).toHaveLength(1);
  });

  it('F24: is closed by a failure also while it is paused, and before it was opened', async () => {
    const { stream, channel } = setUp();
    channel.pause(true);
    stream.emit('error', new Error('broken'));
    expect(await channel.closed).toMatchObject({ by: 'error' });
    const unopened = new SlowStream();
    const silent = new StreamChannel(unopened, { name: 'slow', transport: 'descriptor', tls: false });
    unopened.emit('error', new Error('broken'));
    expect(await silent.closed).toMatchObject({ by: 'error', cause: { message: 'broken' } });
    const told = new Promise((ended) => {
      silent.open({ writable: () => new Uint8Array(1), advance() {}, drained() {}, ended });
    });
    expect(await told).toMatchObject({ message: 'broken' });
  });

  it('reports the end once, even if the same sink is set several times', async () => {
    const { stream, channel, calls, sink } = setUp();
    stream.push(null);
    await turn();
    channel.open(sink);
    channel.open(sink);
    await turn();
    expect(calls).toEqual(['ended undefined']);
    channel.destroy();
  });

  it('waits for an explanation of the end, and ends with it', async () => {
    const { stream, channel, calls } = setUp();
    const explained = new Error('it was never there');
    channel.explainEnd = async () => {
      await turn();
      return explained;
    };
    stream.destroy(new Error('reset'));
    expect(await channel.closed).toEqual({ by: 'error', cause: explained });
    expect(calls).toEqual(['ended it was never there']);
  });

  it('is content with an end that nothing explains', async () => {
    const { stream, channel, calls } = setUp();
    channel.explainEnd = async () => undefined;
    stream.push(null);
    await turn();
    await turn();
    expect(calls).toEqual(['ended undefined']);
    channel.destroy();
    expect(await channel.closed).toEqual({ by: 'us', cause: undefined });
  });
});
