/** Passing a session on: nothing is changed, held back or lost. */
import type { ByteChannel, ByteSink } from '@nbdjs/interfaces';
import { concatenate } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import { seededRandom } from '@nbdjs/testkit';
import { createMemoryPair } from '@nbdjs/transport';
import { describe, expect, it } from 'vitest';
import { FaultInjector, type RelayListener, relaySession } from '../src/index.ts';
import { pattern, transcripts } from './transcripts.ts';

/** Keeps what comes. */
class Keeper implements ByteSink {
  readonly parts: Uint8Array[] = [];
  #memory = new Uint8Array(4096);
  hasEnded = false;

  writable(): Uint8Array {
    return this.#memory;
  }

  advance(byteCount: number): void {
    this.parts.push(this.#memory.slice(0, byteCount));
  }

  drained(): void {}

  ended(): void {
    this.hasEnded = true;
  }

  get bytes(): Uint8Array {
    return concatenate(this.parts);
  }

  /** Comparing so many bytes by `toEqual` takes seconds. */
  is(bytes: Uint8Array): boolean {
    return Buffer.compare(this.bytes, bytes) === 0;
  }
}

/** Both ends outside, and the relay between. */
function relayed(isFaulty: boolean, listener?: RelayListener, cut?: () => number) {
  const pair = () => createMemoryPair({ capacityBytes: 64 * 1024, ...(cut === undefined ? {} : { cut }) });
  const [client, toClient] = pair();
  const [toServer, server] = pair();
  const session = relaySession(toClient, toServer, {
    clock: systemClock,
    ...(listener === undefined ? {} : { listener }),
    ...(isFaulty ? { faults: new FaultInjector([]).connection(1) } : {}),
  });
  const at = { client: new Keeper(), server: new Keeper() };
  client.open(at.client);
  server.open(at.server);
  return { session, client, server, at };
}

const end = ({ client, server }: { client: ByteChannel; server: ByteChannel }): void => {
  client.end();
  server.end();
};

describe.each([
  ['as it comes', false],
  ['message by message', true],
] as const)('passing %s', (_, isFaulty) => {
  it.each(Object.keys(transcripts))('changes no byte of a session (%s)', async (name) => {
    const random = seededRandom(7);
    const parts = relayed(isFaulty, undefined, () => 1 + Math.floor(random() * 3000));
    const pieces = transcripts[name] ?? [];
    const sent = { client: new Uint8Array(0), server: new Uint8Array(0) };
    for (const [side, bytes] of pieces) {
      const to = side === 'client' ? 'server' : 'client';
      const before = parts.at[to].bytes.length;
      parts[side].send([bytes]);
      sent[side] = concatenate([sent[side], bytes]) as Uint8Array<ArrayBuffer>;
      // Whole messages pass at once, so that the other side can answer.
      if (name !== 'torn')
        await expect.poll(() => parts.at[to].bytes.length, { interval: 1 }).toBe(before + bytes.length);
    }
    end(parts);
    expect(await parts.session.closed).toBeUndefined();
    await expect.poll(() => parts.at.server.is(sent.client)).toBe(true);
    await expect.poll(() => parts.at.client.is(sent.server)).toBe(true);
    expect(parts.session.bytes).toEqual({ client: sent.client.length, server: sent.server.length });
  });

  it('passes on what is no NBD at all, and reports it', async () => {
    const notes: (string | undefined)[] = [];
    const parts = relayed(isFaulty, { frame: ({ note }) => notes.push(note), payload() {}, frameEnd() {} });
    const bytes = pattern(300_000, 77);
    parts.client.send([bytes]);
    parts.server.send([bytes]);
    end(parts);
    expect(await parts.session.closed).toBeUndefined();
    await expect.poll(() => parts.at.server.is(bytes)).toBe(true);
    await expect.poll(() => parts.at.client.is(bytes)).toBe(true);
    expect(notes).toEqual([
      expect.stringMatching(/^a message begins with 0x/),
      expect.stringMatching(/expected NBDMAGIC$/),
    ]);
  });

  it('lets one side end and the other go on', async () => {
    const parts = relayed(isFaulty);
    parts.client.end();
    await expect.poll(() => parts.at.server.hasEnded).toBe(true);
    parts.server.send([pattern(100_000)]);
    await expect.poll(() => parts.at.client.bytes.length).toBe(100_000);
    parts.server.end();
    expect(await parts.session.closed).toBeUndefined();
  });

  it('a side that fails ends the other', async () => {
    const parts = relayed(isFaulty);
    parts.session.destroy();
    expect(await parts.session.closed).toBeUndefined();
    await expect.poll(() => parts.at.client.hasEnded && parts.at.server.hasEnded).toBe(true);
  });

  it('keeps the back-pressure: a reader that waits makes the writer wait', async () => {
    const parts = relayed(isFaulty);
    parts.client.pause(true);
    const sent: boolean[] = [];
    for (let index = 0; index < 40 && !sent.includes(false); index++) {
      sent.push(parts.server.send([pattern(64 * 1024, index)]));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    // The two pairs and the memory of the relay have less than 1 MiB of room.
    expect(sent).toContain(false);
    expect(sent.length).toBeLessThan(16);
    parts.client.pause(false);
    await expect.poll(() => parts.at.client.bytes.length).toBe(sent.length * 64 * 1024);
    expect(parts.at.client.is(concatenate(sent.map((_, index) => pattern(64 * 1024, index))))).toBe(true);
    end(parts);
    await parts.session.closed;
  });
});

it('a listener that waits holds both sides', async () => {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let holds = 0;
  const [client, toClient] = createMemoryPair();
  const [toServer, server] = createMemoryPair();
  const hold = () => (holds++ === 0 ? held : undefined);
  const session = relaySession(toClient, toServer, { clock: systemClock, hold });
  const keeper = new Keeper();
  server.open(keeper);
  client.open(new Keeper());
  client.send([pattern(10)]);
  await expect.poll(() => keeper.bytes.length).toBe(10);
  client.send([pattern(10)]);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(keeper.bytes.length).toBe(10);
  release();
  await expect.poll(() => keeper.bytes.length).toBe(20);
  session.destroy();
  await session.closed;
});
