/** Turns what a rule's examination comes to into a verdict. */
import type { HeaderMode } from '@nbdjs/interfaces';
import type { Verdict } from '../report/report.ts';
import type { Rule } from '../rules/rule.ts';
import type { Level } from '../rules/vocabulary.ts';
import type { Examination } from './examination.ts';
import { Fault, HungUp, Inapplicable, Silent, Unreachable } from './outcomes.ts';

/** What became of a rule. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly text: string;
  readonly brokenRule?: string | undefined;
  /** Whether a connection could be made; `undefined` where none was tried. */
  readonly isReached: boolean | undefined;
}

/** What the examination may do. */
export interface Permissions {
  /** Change what the export holds. */
  readonly destructive: boolean;
  /** Do what might bring the server down. */
  readonly risky: boolean;
}

/** Examines a rule, unless it needs what is not allowed or not there. */
export async function judge(
  rule: Rule,
  mode: HeaderMode | undefined,
  examination: Examination,
  { destructive, risky, isGone }: Permissions & { readonly isGone: boolean },
): Promise<Judgement> {
  if (rule.isDestructive && !destructive) {
    return untried('it changes what the export holds, which was not asked for');
  }
  if (rule.isRisky && !risky) {
    return untried('servers are known that it brings down, and that was not asked for');
  }
  if (isGone) return { ...judged('inconclusive', 'the server does not accept connections any more'), isReached: false };
  try {
    return judged('kept', (await rule.judge(examination, mode ?? 'simple')) ?? '');
  } catch (error) {
    if (error instanceof Fault) {
      const own = rule.id.split('/')[0];
      const brokenRule = error.rule === own ? undefined : error.rule;
      return { ...judged(verdictOf(error.level ?? rule.level), error.message), brokenRule };
    }
    if (error instanceof HungUp) return judged(verdictOf(rule.hangUp), error.message);
    if (error instanceof Inapplicable) return untried(error.message);
    if (error instanceof Silent) return judged('inconclusive', error.message);
    if (error instanceof Unreachable) return { ...judged('inconclusive', error.message), isReached: false };
    throw error;
  }
}

function judged(verdict: Verdict, text: string): Judgement {
  return { verdict, text, isReached: true };
}

function untried(text: string): Judgement {
  return { verdict: 'not applicable', text, isReached: undefined };
}

function verdictOf(level: Level): Verdict {
  return level === 'MUST' ? 'broken' : 'discouraged';
}
