import { Command } from '@nbdjs/protocol';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { Admission } from './admission.ts';
import { ServerRequest } from './server-request.ts';

const limits = { requestsInFlightMax: 3, bytesInFlightMax: 1000, unsentBytesMax: 500 };

let now: number;
let turns: (() => void)[];
let resumed: number;
let replies: { unsentBytes: number };
/** Bytes that the shared memory has left. */
let freeBytes: number;
let admission: Admission;

beforeEach(() => {
  now = 0;
  turns = [];
  resumed = 0;
  replies = { unsentBytes: 0 };
  freeBytes = 1_000_000;
  admission = new Admission({
    clock: { now: () => now, schedule: () => () => {} },
    nextTurn: (task) => void turns.push(task),
    limits,
    memory: {
      reserve(request, byteCount) {
        if (byteCount - request.reservedBytes > freeBytes) return false;
        freeBytes -= byteCount - request.reservedBytes;
        request.reservedBytes = byteCount;
        return true;
      },
    },
    replies,
    memoryBytesOf: ({ length }) => Number(length),
    onTurn: () => resumed++,
  });
  admission.startTurn();
});

function request(length: number, type: number = Command.Read): ServerRequest {
  const header = { type, flags: 0, cookieHigh: 0, cookieLow: 0, offsetHigh: 0, offsetLow: 0, lengthHigh: 0 };
  return new ServerRequest({ ...header, lengthLow: length }, 0);
}

function finish(one: ServerRequest): void {
  admission.finished(one);
  freeBytes += one.reservedBytes;
  one.reservedBytes = 0;
}

describe('requests', () => {
  it('begin at once, up to their number', () => {
    expect([1, 2, 3, 4, 5].map(() => admission.offer(request(10)))).toEqual([true, true, true, false, false]);
    expect([admission.inFlight, admission.waitingCount, admission.isFull]).toEqual([3, 2, true]);
  });

  it('begin in order: one that would fit waits behind one that does not', () => {
    const [first, large, small] = [request(600), request(600), request(10)];
    expect([first, large, small].map((one) => admission.offer(one))).toEqual([true, false, false]);
    expect(admission.next()).toBeUndefined();
    finish(first);
    expect([admission.next(), admission.next(), admission.next()]).toEqual([large, small, undefined]);
    expect(admission.isFull).toBe(false);
  });

  it('of more bytes than the limit go alone', () => {
    const [small, huge] = [request(10), request(5000)];
    expect([admission.offer(small), admission.offer(huge)]).toEqual([true, false]);
    finish(small);
    expect(admission.next()).toBe(huge);
    expect(admission.offer(request(10))).toBe(false);
  });

  it('wait for shared memory', () => {
    freeBytes = 100;
    const one = request(200);
    expect(admission.offer(one)).toBe(false);
    freeBytes = 200;
    expect(admission.next()).toBe(one);
    expect([freeBytes, one.reservedBytes]).toEqual([0, 200]);
  });

  it('wait for a client that does not read its replies', () => {
    replies.unsentBytes = 500;
    expect([admission.isFull, admission.offer(request(1))]).toEqual([true, false]);
    replies.unsentBytes = 499;
    expect(admission.next()).toBeDefined();
    expect(admission.isFull).toBe(false);
  });

  it('that take long leave the turn to others after 2 ms, those that are quick do not', () => {
    now = 2;
    expect(admission.offer(request(10))).toBe(true);
    expect(admission.offer(request(10, Command.Trim))).toBe(false);
    expect(admission.offer(request(10, Command.Trim))).toBe(false);
    // One turn is asked for, however many wait for it.
    expect([turns.length, resumed]).toEqual([1, 0]);
    turns.shift()?.();
    expect(resumed).toBe(1);
    admission.startTurn();
    expect(admission.next()).toBeDefined();
  });

  it('that fail need no time', () => {
    now = 2;
    const failing = request(10, Command.Trim);
    failing.failure = { error: 22, text: '' };
    expect(admission.offer(failing)).toBe(true);
  });

  it('that wait are dropped, and no others', () => {
    const all = Array.from({ length: 5 }, () => request(10));
    for (const one of all) admission.offer(one);
    expect(admission.drop()).toEqual(all.slice(3));
    expect([admission.inFlight, admission.waitingCount]).toEqual([3, 0]);
    expect(admission.next()).toBeUndefined();
  });

  it('are counted without a contradiction, in whatever order they come and end', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(1200)), { maxLength: 100 }), (steps) => {
        const running: ServerRequest[] = [];
        const waiting: ServerRequest[] = [];
        for (const [comes, length] of steps) {
          if (comes) {
            const one = request(length);
            (admission.offer(one) ? running : waiting).push(one);
          } else {
            const [one] = running.splice(length % Math.max(1, running.length), 1);
            if (one !== undefined) finish(one);
            for (let next = admission.next(); next !== undefined; next = admission.next()) {
              expect(next).toBe(waiting.shift());
              running.push(next);
            }
          }
          admission.assertConsistent();
          expect([admission.inFlight, admission.waitingCount]).toEqual([running.length, waiting.length]);
          expect(running.length).toBeLessThanOrEqual(3);
        }
        for (const one of running) finish(one);
        admission.drop();
        admission.assertConsistent();
        expect(freeBytes).toBe(1_000_000);
      }),
    );
  });

  it('whose counts contradict each other are a fault that is thrown', () => {
    const one = request(10);
    admission.offer(one);
    one.reservedBytes = 3;
    admission.finished(one);
    expect(() => admission.assertConsistent()).toThrow('0 requests in flight with 7 bytes');
  });
});
