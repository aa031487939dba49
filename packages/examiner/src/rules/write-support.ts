/** Writing, for rules that change the export. */

import { Command, CommandFlag, TransmissionFlag } from '@nbdjs/protocol';
import { errorName } from '../checks/answers.ts';
import { hasFlag } from '../checks/facts.ts';
import { Fault, Inapplicable } from '../examination/outcomes.ts';
import type { Session } from '../wire/session.ts';

/** Bytes that differ from place to place, and from one write to the next. */
export function patternOf(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (seed * 0x9e37_79b9 + length) >>> 0;
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

/** Writes a pattern, and returns it. */
export async function write(
  session: Session,
  offset: bigint,
  length: number,
  seed: number,
  flags = 0,
): Promise<Uint8Array> {
  const payload = patternOf(length, seed);
  const { error } = await session.ask(writeRequest(session, offset, payload, flags));
  if (error !== 0) throw new Fault(`a WRITE of ${length} bytes at ${offset} fails with ${errorName(error)}`);
  return payload;
}

/** A WRITE as its mode has it. */
export function writeRequest({ mode }: Session, offset: bigint, payload: Uint8Array, flags = 0) {
  const ownFlags = mode === 'extended' ? CommandFlag.PayloadLen : 0;
  return { command: Command.Write, offset, payload, flags: flags | ownFlags };
}

/** @throws Inapplicable when the export is read-only. */
export function requireWritable(session: Session): void {
  if (hasFlag(session, TransmissionFlag.ReadOnly)) throw new Inapplicable('the export is read-only');
}
