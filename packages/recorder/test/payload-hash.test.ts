/** The hash of a payload is the same in however many pieces it comes, and by whichever function it is computed. */
import { createHash, hash } from 'node:crypto';
import { systemClock } from '@nbdjs/node';
import { expect, it } from 'vitest';
import type { Frame } from '../src/index.ts';
import { type ConnectionEntry, SessionLog } from '../src/index.ts';
import { pattern } from './transcripts.ts';

const payload = pattern(10_000);

function frame(payloadBytes: number): Frame {
  return { side: 'server', kind: 'simple-reply', wire: new Uint8Array(16), payloadBytes };
}

it.each([
  ['at once', [10_000], 1],
  ['in two pieces', [4000, 10_000], 0],
  ['byte by byte', Array.from({ length: 10_000 }, (_, index) => index + 1), 0],
])('%s', (_, ends, wholeCount) => {
  const entries: ConnectionEntry[] = [];
  let count = 0;
  const log = new SessionLog((entry) => entries.push(entry), {
    clock: systemClock,
    startedMs: 1e12,
    payload: 'hash',
    createHash: () => createHash('sha256'),
    hashWhole: (bytes) => {
      count++;
      return hash('sha256', bytes, 'buffer');
    },
  });
  const connection = log.connection('client', 'server');
  // What one message leaves behind must not be in the next one.
  for (let message = 0; message < 2; message++) {
    connection.frame(frame(payload.length));
    let at = 0;
    for (const end of ends) {
      connection.payload('server', payload.subarray(at, end));
      at = end;
    }
    connection.frameEnd('server', payload.length);
  }
  // A message that the end of the stream has cut off before its payload.
  connection.frame(frame(5));
  connection.frameEnd('server', 0);
  const digests = entries.flatMap((entry) => (entry.type === 'frame-end' ? [entry.digest] : []));
  const expected = new Uint8Array(createHash('sha256').update(payload).digest());
  expect(digests).toEqual([expected, expected, new Uint8Array(createHash('sha256').digest())]);
  expect(count).toBe(2 * wholeCount);
});
