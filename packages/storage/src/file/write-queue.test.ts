import { expect, it } from 'vitest';
import { WriteQueue, type WriteVector } from './write-queue.ts';

const fd = 7;

/** A file in memory whose writes end when the test says so. */
class Calls {
  readonly file = new Uint8Array(64);
  readonly calls: {
    readonly position: number;
    readonly bytes: Uint8Array;
    readonly end: (result: number | Error) => void;
  }[] = [];

  readonly writeVector: WriteVector = (_fd, pieces, position, done) => {
    const bytes = Buffer.concat(pieces);
    const end = (result: number | Error): void => {
      if (typeof result === 'number') this.file.set(bytes.subarray(0, result), position);
      if (typeof result === 'number') done(null, result);
      else done(result, 0);
    };
    this.calls.push({ position, bytes, end });
  };

  get last(): {
    readonly position: number;
    readonly bytes: Uint8Array;
    readonly end: (result: number | Error) => void;
  } {
    const last = this.calls.at(-1);
    if (last === undefined) throw new Error('there was no call');
    return last;
  }
}

function open(): { readonly calls: Calls; readonly queue: WriteQueue } {
  const calls = new Calls();
  return { calls, queue: new WriteQueue(fd, calls.writeVector) };
}

const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

it('writes one at a time, and together what follows one another', async () => {
  const { calls, queue } = open();
  const writes = [queue.write(0, bytes(4, 1))];
  for (const [offset, value] of [
    [12, 4],
    [8, 3],
    [40, 9],
    [16, 5],
  ] as const)
    writes.push(queue.write(offset, bytes(4, value)));
  expect(calls.calls).toHaveLength(1);
  calls.last.end(4);
  expect(calls.calls).toHaveLength(2);
  expect(calls.last.position).toBe(12);
  expect([...calls.last.bytes]).toEqual([4, 4, 4, 4, 5, 5, 5, 5]);
  calls.last.end(8);
  expect(calls.last.position).toBe(8);
  calls.last.end(4);
  expect(calls.last.position).toBe(40);
  calls.last.end(4);
  await Promise.all(writes);
  expect(calls.calls).toHaveLength(4);
});

it('goes on where the system stopped, also within a piece', async () => {
  const { calls, queue } = open();
  const writes = [queue.write(60, bytes(1, 1)), queue.write(0, bytes(4, 1)), queue.write(4, bytes(4, 2))];
  calls.last.end(1);
  for (const written of [3, 3, 1, 1]) calls.last.end(written);
  await Promise.all(writes);
  expect(calls.calls.map(({ position }) => position)).toEqual([60, 0, 3, 6, 7]);
  expect([...calls.file.subarray(0, 9)]).toEqual([1, 1, 1, 1, 2, 2, 2, 2, 0]);
});

it('gives each write its own result when a call fails', async () => {
  const { calls, queue } = open();
  const writes = [queue.write(60, bytes(1, 1)), queue.write(0, bytes(4, 1)), queue.write(4, bytes(4, 2))];
  calls.last.end(1);
  expect(calls.last.bytes).toHaveLength(8);
  calls.last.end(new Error('full'));
  expect(calls.last.bytes).toHaveLength(4);
  calls.last.end(4);
  expect(calls.last.position).toBe(4);
  calls.last.end(new Error('full'));
  const results = await Promise.allSettled(writes);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
});

it('goes on with others after a failure', async () => {
  const { calls, queue } = open();
  const first = queue.write(0, bytes(4, 1));
  const second = queue.write(32, bytes(4, 2));
  calls.last.end(new Error('full'));
  await expect(first).rejects.toThrow('full');
  calls.last.end(4);
  await second;
});

it('fails when the system writes no bytes and reports no error', async () => {
  const { calls, queue } = open();
  const write = queue.write(0, bytes(4, 1));
  calls.last.end(0);
  await expect(write).rejects.toThrow('no bytes');
});

it('bounds one call', () => {
  const { calls, queue } = open();
  const ignored = (promise: Promise<void>): void => void promise.catch(() => {});
  ignored(queue.write(60, bytes(1, 1)));
  const mebi = 2 ** 20;
  for (let index = 0; index < 6; index++) ignored(queue.write(100 + index * mebi, new Uint8Array(mebi)));
  calls.file.set([1]);
  calls.calls[0]?.end(1);
  expect(calls.last.bytes).toHaveLength(4 * mebi);
});

it('writes nothing for no bytes', async () => {
  const { calls, queue } = open();
  await queue.write(0, bytes(0, 0));
  expect(calls.calls).toHaveLength(0);
});
