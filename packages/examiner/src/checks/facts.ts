/** What rules need of what the server has said about its export. */
import { Inapplicable } from '../examination/outcomes.ts';
import type { Session } from '../wire/session.ts';

/** Whether a transmission flag is set. */
export function hasFlag({ facts }: Pick<Session, 'facts'>, flag: number): boolean {
  return (facts.transmissionFlags & flag) !== 0;
}

/** @throws Inapplicable when a transmission flag is not set: `name` is not announced. */
export function requireFlag(session: Pick<Session, 'facts'>, flag: number, name: string): void {
  if (!hasFlag(session, flag)) throw new Inapplicable(`${name} is not announced`);
}

/** The smallest block, in bytes: 1 where the server has not said. */
export function minimumOf({ facts }: Pick<Session, 'facts'>): number {
  return facts.blockSizes?.minimum ?? 1;
}

/** @throws Inapplicable when not all ranges may be asked for. */
export function requireAnyRange(session: Pick<Session, 'facts'>): void {
  if (minimumOf(session) > 1) throw new Inapplicable('the smallest block is longer');
}

/** Cuts a length to whole blocks. */
export function inBlocks(session: Pick<Session, 'facts'>, length: bigint): bigint {
  return length - (length % BigInt(minimumOf(session)));
}

/** The end of the last whole block. */
export function endOf(session: Pick<Session, 'facts'>): bigint {
  return inBlocks(session, session.facts.size);
}
