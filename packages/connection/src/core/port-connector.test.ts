/** A connector behind a port: what crosses, and what happens when either end goes. */
import {
  type ByteChannel,
  type Connector,
  type Established,
  type EstablishOptions,
  NegotiationError,
} from '@nbdjs/interfaces';
import { createMemoryPair, type PortLike } from '@nbdjs/transport/core';
import { describe, expect, it } from 'vitest';
import { createPortConnector, serveConnector } from './index.ts';

const facts = { exportName: 'disk', size: 4096n } as unknown as Established['facts'];

/** A connector that does what the test says. */
class TestConnector implements Connector {
  readonly calls: { options: EstablishOptions; resolve: (one: Established) => void; reject: (error: Error) => void }[] =
    [];
  readonly retries: boolean[] = [];
  releaseCount = 0;

  establish(options: EstablishOptions): Promise<Established> {
    return new Promise((resolve, reject) => this.calls.push({ options, resolve, reject }));
  }

  retry(on: boolean): void {
    this.retries.push(on);
  }

  release(): void {
    this.releaseCount++;
  }
}

function pair() {
  const { port1, port2 } = new MessageChannel();
  const inner = new TestConnector();
  serveConnector(port2, inner);
  return { inner, connector: createPortConnector(port1), end: port2 };
}

function connection(): Established {
  return connectionAndServer()[0];
}

function connectionAndServer(): [Established, ByteChannel] {
  const [channel, server] = createMemoryPair();
  return [{ channel, facts, excess: Uint8Array.of(1, 2) }, server];
}

describe('a connector behind a port', () => {
  it('gives the facts, and what came too early', async () => {
    const { inner, connector } = pair();
    const establishing = connector.establish({ wait: true });
    await expect.poll(() => inner.calls).toHaveLength(1);
    expect(inner.calls[0]?.options.wait).toBe(true);
    inner.calls[0]?.resolve(connection());
    const { channel, ...rest } = await establishing;
    expect(rest).toEqual({ facts, excess: Uint8Array.of(1, 2) });
    expect(channel.peer.name).toBe('memory');
    channel.destroy();
    connector.release();
    await expect.poll(() => inner.releaseCount).toBeGreaterThan(0);
  });

  it('rejects with errors of the same class and code, and hands on whether attempts are repeated', async () => {
    const { inner, connector } = pair();
    connector.retry(true);
    const establishing = connector.establish({ wait: false });
    await expect.poll(() => inner.calls).toHaveLength(1);
    inner.calls[0]?.reject(new NegotiationError('ERR_NBD_UNKNOWN_EXPORT', 'no such export'));
    await expect(establishing).rejects.toMatchObject({ name: 'NegotiationError', code: 'ERR_NBD_UNKNOWN_EXPORT' });
    await expect(establishing).rejects.toBeInstanceOf(NegotiationError);
    expect(inner.retries).toEqual([true]);
    connector.release();
  });

  it('gives a connection that came after an abort to the next caller', async () => {
    const { inner, connector } = pair();
    const abort = new AbortController();
    const reason = new Error('enough');
    const abandoned = connector.establish({ wait: true, signal: abort.signal });
    await expect.poll(() => inner.calls).toHaveLength(1);
    // It is on its way before the worker hears of the abort.
    inner.calls[0]?.resolve(connection());
    abort.abort(reason);
    await expect(abandoned).rejects.toBe(reason);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { channel } = await connector.establish({ wait: true });
    expect(inner.calls).toHaveLength(1);
    channel.destroy();
    connector.release();
  });

  it('gives no connection that the server has closed while nobody had it', async () => {
    const { inner, connector } = pair();
    const abort = new AbortController();
    const abandoned = connector.establish({ wait: true, signal: abort.signal });
    await expect.poll(() => inner.calls).toHaveLength(1);
    const [late, server] = connectionAndServer();
    inner.calls[0]?.resolve(late);
    abort.abort(new Error('enough'));
    await expect(abandoned).rejects.toThrow('enough');
    server.end();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const establishing = connector.establish({ wait: true });
    await expect.poll(() => inner.calls).toHaveLength(2);
    inner.calls[1]?.resolve(connection());
    const { channel } = await establishing;
    channel.destroy();
    connector.release();
  });

  it('fails those who wait when it is released, and when its thread goes', async () => {
    const released = pair();
    const waiting = released.connector.establish({ wait: true });
    released.connector.release();
    released.connector.release();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_NBD_CLOSED' });
    await expect(released.connector.establish({ wait: true })).rejects.toMatchObject({ code: 'ERR_NBD_CLOSED' });
    const { connector, end } = pair();
    const lost = connector.establish({ wait: true });
    end.close();
    await expect(lost).rejects.toMatchObject({ code: 'ERR_NBD_WORKER' });
  });

  it('is made of a port only', () => {
    expect(() => createPortConnector({} as PortLike)).toThrow(/expected a MessagePort/);
  });
});
