/** Channels over pairs of ports, with those of Node. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { ByteChannel, ByteSink } from '@nbdjs/interfaces';
import { byteChannelConformance } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { adoptPort, type PortLike } from '../src/core/index.ts';

function pair(capacityBytes = 2 ** 20): [ByteChannel, ByteChannel, MessagePort] {
  const { port1, port2 } = new MessageChannel();
  return [adoptPort(port1 as PortLike, { capacityBytes }), adoptPort(port2 as PortLike, { capacityBytes }), port2];
}

/** Sends back what comes, no faster than it can be taken, and ends when the other end does. */
class Echo implements ByteSink {
  readonly #channel: ByteChannel;
  readonly #memory = new Uint8Array(64 * 1024);

  constructor(channel: ByteChannel) {
    this.#channel = channel;
    channel.open(this);
  }

  writable(): Uint8Array {
    return this.#memory;
  }

  advance(byteCount: number): void {
    if (!this.#channel.send([this.#memory.subarray(0, byteCount)])) this.#channel.pause(true);
  }

  drained(): void {
    this.#channel.pause(false);
  }

  ended(): void {
    this.#channel.end();
  }
}

const ports = new Set<MessagePort>();
byteChannelConformance('a pair of ports', {
  async connect() {
    const [ours, theirs, port] = pair();
    new Echo(theirs);
    ports.add(port);
    void theirs.closed.then(() => ports.delete(port));
    return ours;
  },
  kill() {
    for (const port of ports) port.close();
  },
});

class Collector implements ByteSink {
  bytes = 0;
  drainedCount = 0;
  end: { readonly cause: Error | undefined } | undefined;
  readonly #memory = new Uint8Array(1000);

  writable(): Uint8Array {
    return this.#memory;
  }

  advance(byteCount: number): void {
    this.bytes += byteCount;
  }

  drained(): void {
    this.drainedCount++;
  }

  ended(cause?: Error): void {
    this.end = { cause };
  }
}

describe('a channel over a port', () => {
  it('has its sender wait while the receiver takes nothing', async () => {
    const [one, other] = pair(10_000);
    const [sender, receiver] = [new Collector(), new Collector()];
    one.open(sender);
    other.pause(true);
    other.open(receiver);
    expect(one.send([new Uint8Array(10_000)])).toBe(true);
    expect(one.send([new Uint8Array(1)])).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(one.queuedBytes).toBe(10_001);
    expect(sender.drainedCount).toBe(0);
    other.pause(false);
    await expect.poll(() => sender.drainedCount).toBe(1);
    expect(receiver.bytes).toBe(10_001);
    expect(one.queuedBytes).toBe(0);
    one.destroy();
    await expect.poll(() => receiver.end).toEqual({ cause: undefined });
    other.destroy();
    await Promise.all([one.closed, other.closed]);
  });

  it('frees a sender that waits for an end that is gone', async () => {
    const [one, other] = pair(10);
    const sender = new Collector();
    one.open(sender);
    expect(one.send([new Uint8Array(11)])).toBe(false);
    other.destroy();
    await expect.poll(() => sender.drainedCount).toBe(1);
    await expect.poll(() => sender.end).toEqual({ cause: undefined });
    one.destroy();
    await one.closed;
  });

  it('lets the memory of the sender be, and takes its bytes as they were', async () => {
    const [one, other] = pair();
    const receiver = new Collector();
    other.open(receiver);
    const chunk = Uint8Array.of(1, 2, 3);
    one.send([chunk.subarray(1)]);
    expect(chunk.buffer.byteLength).toBe(3);
    await expect.poll(() => receiver.bytes).toBe(2);
    one.destroy();
    other.destroy();
    await Promise.all([one.closed, other.closed]);
  });

  it('is made of a port only', () => {
    expect(() => adoptPort({} as PortLike)).toThrow('adoptPort: the port is an object, expected a MessagePort');
  });
});
