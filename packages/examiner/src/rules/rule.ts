/** A rule of the specification as data, and how a server is judged by it. */
import type { HeaderMode } from '@nbdjs/interfaces';
import type { Examination } from '../examination/examination.ts';
import type { Group, Level, RuleText } from './vocabulary.ts';

/** One rule with the way to examine it. */
export interface Rule extends RuleText {
  /** The modes of the transmission phase in which it is examined; `undefined` for rules of the handshake. */
  readonly modes: readonly HeaderMode[] | undefined;
  /** The level of hanging up instead of answering: `SHOULD` where the client breaks a MUST itself, which allows hanging up. */
  readonly hangUp: Level;
  /**
   * Sends what there is to send, and returns when the rule is kept: with a remark, if something is worth to be known.
   *
   * @throws Fault when it is broken, Inapplicable, HungUp or Silent.
   */
  judge(examination: Examination, mode: HeaderMode): Promise<string | undefined>;
}

/** What the rules of a file have in common, and what most of them leave out. */
export type RuleEntry = Pick<Rule, 'id' | 'level' | 'section' | 'sent' | 'expected'> & {
  readonly modes?: readonly HeaderMode[];
  readonly hangUp?: Level;
  readonly isDestructive?: boolean;
  readonly isRisky?: boolean;
  judge(examination: Examination, mode: HeaderMode): Promise<string | undefined> | Promise<void>;
};

/** Completes the rules of a group. */
export function rulesOf(group: Group, entries: readonly RuleEntry[]): readonly Rule[] {
  return entries.map((entry) => ({
    ...entry,
    group,
    modes: entry.modes,
    hangUp: entry.hangUp ?? entry.level,
    isDestructive: entry.isDestructive ?? false,
    isRisky: entry.isRisky ?? false,
    async judge(examination, mode) {
      const remark: unknown = await entry.judge(examination, mode);
      return typeof remark === 'string' ? remark : undefined;
    },
  }));
}
