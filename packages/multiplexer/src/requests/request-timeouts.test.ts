import { Command } from '@nbdjs/protocol';
import { describe, expect, it } from 'vitest';
import type { ConnectionSet } from '../connections/connection-set.ts';
import { type Request, requestOf } from './request.ts';
import { RequestQueue } from './request-queue.ts';
import { RequestTimeouts } from './request-timeouts.ts';
import { Withdrawals } from './withdrawals.ts';

function since(sinceMs: number): Request {
  const request = requestOf(Command.Read, 0, 0n, 8n, new Uint8Array(8));
  request.sinceMs = sinceMs;
  request.reject = (error) => {
    failures.set(request, error);
  };
  return request;
}

const failures = new Map<Request, unknown>();

function make(timeoutMs: number, ...waiting: readonly Request[]) {
  failures.clear();
  const connections = { requests: () => [], ownerOf() {}, forgetReturned: () => false } as unknown as ConnectionSet;
  const queue = new RequestQueue();
  for (const request of waiting) queue.push(request);
  let withdrawn = 0;
  const withdrawals = new Withdrawals(queue, connections, () => {
    withdrawn++;
  });
  const timeouts = new RequestTimeouts(timeoutMs, connections, queue, withdrawals);
  return { timeouts, queue, withdrawn: () => withdrawn };
}

describe('time limits of requests', () => {
  it('end those that have taken too long, and say when the next one will have', () => {
    const [old, young, younger] = [since(0), since(50), since(80)];
    const { timeouts, queue, withdrawn } = make(100, old, young, younger);
    expect(timeouts.check(99)).toBe(100);
    expect(failures.size).toBe(0);
    expect(timeouts.check(100)).toBe(150);
    expect([...failures.keys()]).toEqual([old]);
    expect(failures.get(old)).toMatchObject({ phase: 'request' });
    expect([queue.count, withdrawn()]).toEqual([2, 1]);
    expect(timeouts.check(500)).toBe(Number.POSITIVE_INFINITY);
    expect(queue.isEmpty).toBe(true);
  });

  it('are not for requests of our own, nor for those whose caller has gone', () => {
    const [own, abandoned] = [since(0), since(0)];
    own.detailed().onLost = () => {};
    abandoned.isAbandoned = true;
    const { timeouts, queue } = make(100, own, abandoned);
    expect(timeouts.check(1000)).toBe(Number.POSITIVE_INFINITY);
    expect([queue.count, failures.size]).toEqual([2, 0]);
  });

  it('of 0 are none', () => {
    const { timeouts, queue } = make(0, since(0));
    expect(timeouts.check(1e9)).toBe(Number.POSITIVE_INFINITY);
    expect(queue.count).toBe(1);
  });
});
