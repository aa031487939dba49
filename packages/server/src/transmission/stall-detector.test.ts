import { beforeEach, describe, expect, it } from 'vitest';
import { type ClientSample, StallDetector } from './stall-detector.ts';

const limits = {
  stallMs: 1000,
  sendStallMs: 2000,
  pressureMs: 300,
  placeMs: 500,
  idleMs: 5000,
  progressBytesMin: 100,
};

/** A client that does nothing, and is not waited for. */
const quiet: ClientSample = {
  isSending: false,
  receivedBytes: 0,
  requestCount: 0,
  unsentBytes: 0,
  readBytes: 0,
  drainCount: 0,
  isIdle: false,
  heldBytes: 0,
  isMemoryShort: false,
  isPlaceWanted: false,
};

let detector: StallDetector;

beforeEach(() => {
  detector = new StallDetector(limits);
});

const judge = (now: number, sample: Partial<ClientSample>) => detector.judge(now, { ...quiet, ...sample })?.reason;

describe('a client', () => {
  it('may be quiet for any time while it is not its turn', () => {
    for (const now of [0, 10_000, 10_000_000]) expect(judge(now, {})).toBeUndefined();
  });

  it('that has begun a request and does not go on stalls, from the first sample on', () => {
    expect(judge(50, { isSending: true })).toBeUndefined();
    expect(judge(1049, { isSending: true })).toBeUndefined();
    expect(judge(1050, { isSending: true })).toBe('stall');
  });

  it('that goes on too slowly stalls, too', () => {
    expect(judge(0, { isSending: true })).toBeUndefined();
    expect(judge(500, { isSending: true, receivedBytes: 99 })).toBeUndefined();
    expect(judge(1000, { isSending: true, receivedBytes: 99 })).toBe('stall');
  });

  it.each([
    ['enough bytes', { receivedBytes: 100 }],
    ['another request', { requestCount: 1 }],
  ])('goes on with %s', (_, progress) => {
    expect(judge(0, { isSending: true })).toBeUndefined();
    expect(judge(900, { isSending: true, ...progress })).toBeUndefined();
    expect(judge(1899, { isSending: true, ...progress })).toBeUndefined();
    expect(judge(1900, { isSending: true, ...progress })).toBe('stall');
  });

  it('that waited for the server in between begins anew', () => {
    expect(judge(0, { isSending: true })).toBeUndefined();
    expect(judge(900, { isSending: false })).toBeUndefined();
    expect(judge(1800, { isSending: true })).toBeUndefined();
    expect(judge(2799, { isSending: true })).toBeUndefined();
    expect(judge(2800, { isSending: true })).toBe('stall');
  });

  it('that does not read its replies is found after a time of its own', () => {
    expect(judge(0, { unsentBytes: 1000 })).toBeUndefined();
    expect(judge(1999, { unsentBytes: 1000, readBytes: 99 })).toBeUndefined();
    expect(judge(2000, { unsentBytes: 1000, readBytes: 99 })).toBe('unread');
  });

  it('that reads all replies now and then may leave the next ones', () => {
    expect(judge(0, { unsentBytes: 10 })).toBeUndefined();
    expect(judge(1999, { unsentBytes: 10, drainCount: 1 })).toBeUndefined();
    expect(judge(3998, { unsentBytes: 10, drainCount: 1 })).toBeUndefined();
    expect(judge(3999, { unsentBytes: 10, drainCount: 1 })).toBe('unread');
  });

  it('that holds memory is cut off sooner, but only while others wait for memory', () => {
    const holding = { isSending: true, heldBytes: 4096 };
    expect(judge(0, holding)).toBeUndefined();
    expect(judge(400, holding)).toBeUndefined();
    expect(judge(401, { ...holding, heldBytes: 0, isMemoryShort: true })).toBeUndefined();
    expect(judge(402, { ...holding, isMemoryShort: true })).toBe('pressure');
  });

  it('that has a place is cut off sooner, but only while others wait for a place', () => {
    expect(judge(0, { unsentBytes: 5 })).toBeUndefined();
    expect(judge(600, { unsentBytes: 5 })).toBeUndefined();
    expect(judge(601, { unsentBytes: 5, isPlaceWanted: true })).toBe('place');
  });

  it('that sends no request is idle, and any byte is a sign of life', () => {
    expect(judge(0, { isIdle: true })).toBeUndefined();
    expect(judge(4000, { isIdle: true, receivedBytes: 1 })).toBeUndefined();
    expect(judge(8999, { isIdle: true, receivedBytes: 1 })).toBeUndefined();
    expect(judge(9000, { isIdle: true, receivedBytes: 1 })).toBe('idle');
  });

  it('is never cut off where all limits are 0', () => {
    const none = { stallMs: 0, sendStallMs: 0, pressureMs: 0, placeMs: 0, idleMs: 0, progressBytesMin: 100 };
    detector = new StallDetector(none);
    const worst = { isSending: true, unsentBytes: 5, isIdle: true, heldBytes: 5, isMemoryShort: true };
    for (const now of [0, 1e9]) expect(judge(now, { ...worst, isPlaceWanted: true })).toBeUndefined();
  });

  it('is told what it has done', () => {
    detector.judge(0, { ...quiet, isSending: true, heldBytes: 4096, isMemoryShort: true });
    expect(detector.judge(300, { ...quiet, isSending: true, heldBytes: 4096, isMemoryShort: true })).toEqual({
      reason: 'pressure',
      message: 'the client makes no progress and holds 4096 bytes of memory that others wait for',
    });
  });
});
