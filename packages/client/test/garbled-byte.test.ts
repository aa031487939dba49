/**
 * Any byte of a session, handshake included, arrives inverted. Payloads are not protected by anything, so that content may become
 * wrong; but whatever it is, both sides come to an end, by errors that are meant, and leave nothing behind.
 *
 * @module-tag slow
 */
import { type HeaderMode, NbdError } from '@nbdjs/interfaces';
import { describe, expect, it } from 'vitest';
import { SeveredSession, WrongBytesError } from './support/severed-session.ts';
import type { Cut } from './support/severed-wire.ts';
import { isThorough, timeoutMs } from './support/thoroughness.ts';

const modes: readonly HeaderMode[] = ['simple', 'structured', 'extended'];
const directions = ['sent', 'received'] as const;
const stride = isThorough ? 1 : 11;

const run = (mode: HeaderMode, garbled: Cut['garbled']): Promise<SeveredSession> =>
  new SeveredSession({ mode, silenceMs: 1000, closeMs: 1000, cuts: [{ garbled }] }).run();

function problemsOf({ openError, outcomes, hasLeftNothing }: SeveredSession): readonly string[] {
  const isMeant = (error: unknown): boolean => error instanceof NbdError || error instanceof WrongBytesError;
  const problems = outcomes.flatMap(({ key, error }) =>
    error === undefined || isMeant(error) ? [] : [`${key}: ${error}`],
  );
  if (openError !== undefined && !isMeant(openError)) problems.push(`open: ${openError}`);
  if (!hasLeftNothing) problems.push('something is left over');
  return problems;
}

describe.each(modes)('%s replies', (mode) => {
  it.each(directions)(
    'a byte of what was %s is garbled',
    async (direction) => {
      const whole = await run(mode, undefined);
      const stream = whole.wires[0]?.streams[direction] ?? new Uint8Array(0);
      const problems: string[] = [];
      let failedCount = 0;
      for (let place = modes.indexOf(mode); place < stream.length; place += stride) {
        // Within a payload one place is like the next.
        if (stream.subarray(place - 40, place + 1).every((byte) => byte === stream[place]) && place % 500 > stride)
          continue;
        const session = await run(mode, { [direction]: place });
        const hasFailed = session.outcomes.some(({ key, error }) => error !== undefined && key !== 'trim 60000');
        if (hasFailed || session.openError !== undefined) failedCount++;
        problems.push(...problemsOf(session).map((problem) => `at ${place}: ${problem}`));
      }
      expect(problems).toEqual([]);
      expect(failedCount).toBeGreaterThan(25);
    },
    timeoutMs,
  );
});
