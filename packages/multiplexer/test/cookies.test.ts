/** The three cookie defects of QEMU's client that were mended in September 2026, tried on ours. */
import type { FakeRequest } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { failure, openSession, standing, turn } from './session.ts';

const modes = ['simple', 'structured', 'extended'] as const;
const target = () => new Uint8Array(8).fill(0xee);
const isUntouched = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0xee);

/** Two reads under way, with a request each at the server. */
async function twoReads(mode: (typeof modes)[number], defer?: (task: () => void) => void) {
  const multiplexer = { reconnectDelayMs: 10_000, ...(defer === undefined ? {} : { defer }) };
  const session = await openSession({ mode, onRequest: () => {}, multiplexer });
  const targets = [target(), target()] as const;
  const reads = targets.map((bytes, index) => session.device.read(100 * index, bytes));
  await turn();
  const requests = session.server.requests as [FakeRequest, FakeRequest];
  return { ...session, targets, reads, requests };
}

describe.each(modes)('%s replies', (mode) => {
  it.each([
    [0, 2],
    [0, 0x7fff_ffff],
    [0xffff_ffff, 0xffff_ffff],
  ])('unchecked index: a cookie of %i and %i is looked at before it is used', async (high, low) => {
    const { device, targets, reads, requests } = await twoReads(mode);
    const failures = reads.map(failure);
    Object.assign(requests[0], { cookie: { high, low } });
    requests[0].answer();
    for (const error of await Promise.all(failures)) {
      expect(error).toMatchObject({ cause: { violation: 'unexpected-cookie', rule: 'C40' } });
    }
    expect(targets.every(isUntouched)).toBe(true);
    expect(device.state).toBe('closed');
  });

  it('stale cookie after a rejected reply: nothing that comes after it reaches a request', async () => {
    const { device, server, targets, reads, requests } = await twoReads(mode);
    const failures = reads.map(failure);
    const sent: Uint8Array[] = [];
    const { connection } = server;
    const { send } = connection;
    connection.send = (...pieces) => void sent.push(...pieces);
    requests[1].answer();
    connection.send = send;
    // A reply that makes no sense, and in the same delivery one that would.
    const nonsense = new Uint8Array(sent[0] as Uint8Array);
    nonsense[0] = 0;
    connection.channel.deliver(Buffer.concat([nonsense, ...sent]));
    for (const error of await Promise.all(failures)) {
      expect(error).toMatchObject({ cause: { violation: 'bad-reply-magic' } });
    }
    expect(targets.every(isUntouched)).toBe(true);
    expect(device.state).toBe('closed');
    expect(server.connections).toHaveLength(1);
  });

  it('clearing outside the lock: a reply that comes again does not belong to the request that has its slot by then', async () => {
    const { device, server, reads, requests } = await twoReads(mode, (task) => task());
    const [first, second] = requests;
    const late = target();
    first.answer();
    await reads[0];
    // Sent at once, and in the slot that has just become free.
    const next = failure(device.read(200, late));
    await turn();
    const [, , third] = server.requests as [FakeRequest, FakeRequest, FakeRequest];
    expect(third.cookie.low).toBe(first.cookie.low);
    expect(third.cookie.high).not.toBe(first.cookie.high);
    const other = standing(reads[1] as Promise<void>);
    second.answer();
    first.answer();
    expect(await next).toMatchObject({ cause: { violation: 'unexpected-cookie' } });
    expect(other()).toBe('resolved');
    expect(isUntouched(late)).toBe(true);
  });
});
