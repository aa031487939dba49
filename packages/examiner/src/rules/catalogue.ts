/** All rules, in the order in which they are examined, and the choice among them. */
import { UsageError } from '@nbdjs/interfaces';
import { connectionRules } from './connections.ts';
import { contextRules } from './contexts.ts';
import { endingRules } from './ending.ts';
import { greetingRules } from './greeting.ts';
import { infoRules } from './info.ts';
import { modeRules } from './modes.ts';
import { optionRules } from './options.ts';
import { readOnlyRules } from './read-only.ts';
import { readRules } from './reads.ts';
import { requestRules } from './requests.ts';
import type { Rule } from './rule.ts';
import { statusRules } from './status.ts';
import { survivalRules } from './survival.ts';
import { tlsRules } from './tls.ts';
import { groups, type RuleText } from './vocabulary.ts';
import { writeRules } from './writes.ts';

/** What might bring a defective server down comes last. */
const rules: readonly Rule[] = [
  ...greetingRules,
  ...optionRules,
  ...tlsRules,
  ...infoRules,
  ...modeRules,
  ...contextRules,
  ...requestRules,
  ...readRules,
  ...statusRules,
  ...readOnlyRules,
  ...writeRules,
  ...connectionRules,
  ...endingRules,
  ...survivalRules,
];

/** All rules, in the order in which they are examined. */
export const ruleTexts: readonly RuleText[] = rules;

/**
 * Returns the rules of these names, groups, or numbers of rules; all rules without any.
 *
 * @throws UsageError for one that there is not.
 */
export function chooseRules(only: readonly string[] | undefined): readonly Rule[] {
  if (only === undefined || only.length === 0) return rules;
  const unknown = only.find((word) => !rules.some((rule) => isMeant(rule, word)));
  if (unknown !== undefined) {
    throw new UsageError('ERR_NBD_ARGUMENT', `there is no rule '${unknown}', and no group (${groups.join(', ')})`);
  }
  return rules.filter((rule) => only.some((word) => isMeant(rule, word)));
}

function isMeant({ id, group }: Rule, word: string): boolean {
  const wanted = word.toLowerCase();
  return group === wanted || id.toLowerCase() === wanted || id.toLowerCase().startsWith(`${wanted}/`);
}
