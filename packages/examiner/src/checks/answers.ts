/** Checks that many rules share. */
import { isKnownWireError, isOptionError, OptionReply, optionReplies, wireErrorCode } from '@nbdjs/protocol';
import { Fault, HungUp, Inapplicable } from '../examination/outcomes.ts';
import type { Level } from '../rules/vocabulary.ts';
import { type Answers, describeFinal, type Haggling } from '../wire/haggling.ts';
import type { Answer, Session } from '../wire/session.ts';

/** An error number with its name. */
export function errorName(error: number): string {
  if (error === 0) return 'success';
  return isKnownWireError(error) ? wireErrorCode(error) : `error ${error}`;
}

/** Requires that a request has succeeded. */
export function requireSuccess({ error }: Answer, what: string): void {
  if (error !== 0) throw new Fault(`${what} failed with ${errorName(error)}`);
}

/** Requires that a request has failed, and as the specification recommends. `success`: how bad success would be. */
export function requireError({ error }: Answer, expected: number, success?: Level): void {
  if (error === 0) throw new Fault(`it succeeded, expected ${errorName(expected)}`, success && { level: success });
  if (error !== expected) {
    throw new Fault(`it failed with ${errorName(error)}, expected ${errorName(expected)}`, { level: 'SHOULD' });
  }
}

/** Requires one of some final replies. An option that the server does not know makes the rule inapplicable. */
export function requireFinal(answers: Answers, ...expected: readonly number[]): void {
  const { type } = answers.final;
  if (expected.includes(type)) return;
  if (type === OptionReply.ErrUnsupported) throw new Inapplicable(`the server does not know this option`);
  const names = expected.map((one) => optionReplies.name(one)).join(' or ');
  throw new Fault(`the answer is ${describeFinal(answers)}, expected ${names}`);
}

/** An option that no server knows, to see whether the server still reads where the next option begins. */
const unknownOption = 0x6e62_6401;

/** Requires that the server has found the end of the last option: it understands the next one. */
export async function requireInStep(haggling: Haggling): Promise<void> {
  const { final } = await haggling.ask(unknownOption);
  if (!isOptionError(final.type)) throw new Fault('an unknown option is acknowledged', { level: 'MUST', rule: 'S3' });
}

/** Requires that the server has found the end of the last request: it understands the next one. */
export async function requireGoing(session: Session, length: number): Promise<void> {
  const answer = await session.ask({ command: 0, offset: 0n, length });
  if (answer.error !== 0) {
    throw new Fault(`afterwards a read of the first ${length} bytes fails with ${errorName(answer.error)}`);
  }
}

/** Takes hanging up for an answer: resolves to `undefined`, or to what the work gives. */
export async function unlessHungUp<Result>(work: Promise<Result>): Promise<Result | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof HungUp) return undefined;
    throw error;
  }
}
