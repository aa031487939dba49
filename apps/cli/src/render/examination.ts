/** What an examination has found, as text and as JSON. */
import { type ExaminationReport, excerptLine, type Finding, type RuleText, type Verdict } from '@nbdjs/examiner';
import type { Colours } from './colours.ts';
import { compactJson, exactJson, type JsonValue } from './exact-json.ts';
import { exactSize } from './human-size.ts';
import { printable } from './printable.ts';

/** So many messages of the evidence are printed; JSON has all. */
const excerptsMax = 8;

/** The findings of one group: those that need attention in full, or all with `isVerbose`. */
export function groupText(findings: readonly Finding[], colours: Colours, isVerbose: boolean): string {
  const [first] = findings;
  if (first === undefined) return '';
  const counted = new Map<Verdict, number>();
  for (const { verdict } of findings) counted.set(verdict, (counted.get(verdict) ?? 0) + 1);
  const counts = [...counted].map(([verdict, count]) => `${count} ${verdict}`).join(', ');
  const lines = [`${colours.bold(first.rule.group)}: ${counts}`];
  for (const same of joinModes(findings)) {
    const [finding] = same as [Finding, ...Finding[]];
    const isPlain = finding.verdict === 'kept' || finding.verdict === 'not applicable';
    // A rule that is kept, with a remark, is worth to be seen.
    const isNotable = finding.verdict === 'kept' && finding.text !== '';
    if (isPlain && !isVerbose && !isNotable) continue;
    lines.push(...findingLines(finding, same, colours, isPlain));
  }
  return `${lines.join('\n')}\n`;
}

/** Findings of a rule that differ in their mode only are printed once. */
function joinModes(findings: readonly Finding[]): readonly (readonly Finding[])[] {
  const joined = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = [finding.rule.id, finding.verdict, finding.text, finding.brokenRule].join('\n');
    const same = joined.get(key);
    if (same === undefined) joined.set(key, [finding]);
    else same.push(finding);
  }
  return [...joined.values()];
}

function findingLines(finding: Finding, same: readonly Finding[], colours: Colours, isPlain: boolean): string[] {
  const { rule, verdict, text, brokenRule, evidence } = finding;
  const modes = same.flatMap(({ mode }) => mode ?? []).join(', ');
  const head = `  ${paint(verdict, colours)} ${rule.id}${modes === '' ? '' : ` (${modes})`}`;
  if (isPlain) return [text === '' ? head : `${head}: ${printable(text)}`];
  const level = verdict === 'inconclusive' ? '' : ` (${verdict === 'broken' ? 'MUST' : 'SHOULD'})`;
  const broken = brokenRule === undefined ? '' : `; it breaks ${brokenRule}`;
  const excerpts = evidence
    .slice(-excerptsMax)
    .map((excerpt) => `      ${colours.dim(printable(excerptLine(excerpt)))}`);
  return [
    head,
    `    sent:     ${rule.sent}`,
    `    expected: ${rule.expected}${level}, section "${rule.section}"`,
    `    seen:     ${printable(text)}${broken}`,
    ...(evidence.length > excerptsMax ? [`      ${colours.dim('...')}`] : []),
    ...excerpts,
  ];
}

function paint(verdict: Verdict, colours: Colours): string {
  if (verdict === 'broken') return colours.red('BROKEN');
  if (verdict === 'kept') return colours.green(verdict);
  return verdict === 'not applicable' ? colours.dim(verdict) : colours.cyan(verdict);
}

/** What the server is like. */
export function examinationHead({ server, exportName, exports, contexts, tls, usedTls }: ExaminationReport): string {
  const name = exportName === '' ? 'the default export' : `export ${printable(JSON.stringify(exportName))}`;
  const [first] = exports;
  const size = first === undefined ? '' : `, ${exactSize(first.size)}`;
  const modes = exports.map(({ mode }) => mode).join(', ');
  const lines = [
    `${printable(server)}: ${name}${size}`,
    `replies: ${modes === '' ? 'none' : modes}; TLS: ${tls}${usedTls ? ', used' : ''}; contexts: ${contexts.map(printable).join(', ') || 'none'}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** The verdict on the whole. */
export function examinationTail({ counts }: ExaminationReport, colours: Colours): string {
  const parts = Object.entries(counts).map(([verdict, count]) => `${count} ${verdict}`);
  const verdict = counts.broken > 0 ? colours.red('A MUST is broken') : colours.green('No MUST is broken');
  return `${verdict}: ${parts.join(', ')}\n`;
}

/** The report as JSON. */
export function examinationJson(report: ExaminationReport): string {
  const { server, exportName, tls, usedTls, problem, exports, contexts, counts } = report;
  const findings = report.findings.map((finding): JsonValue => {
    const { rule, mode, verdict, text, brokenRule, durationMs, evidence } = finding;
    const { id, group, level, section, sent, expected } = rule;
    const milliseconds = Math.round(durationMs * 1000) / 1000;
    const excerpts = evidence.map(({ by, connection, length, hex, text: what }) => ({
      by,
      connection,
      length,
      hex,
      text: what,
    }));
    return {
      rule: id,
      group,
      level,
      section,
      mode,
      verdict,
      text,
      brokenRule,
      milliseconds,
      sent,
      expected,
      evidence: excerpts,
    };
  });
  const summary = { ...counts, notApplicable: counts['not applicable'], 'not applicable': undefined };
  const facts = exports.map(({ mode, size, flags, blockSizes }) => ({
    mode,
    size,
    flags,
    blockSizes: blockSizes && { ...blockSizes },
  }));
  return `${exactJson({ version: 1, server, export: exportName, tls, usedTls, problem, exports: facts, contexts, counts: summary, findings })}\n`;
}

/** The rules by groups, for people. */
export function ruleListText(rules: readonly RuleText[]): string {
  let group = '';
  let text = '';
  for (const rule of rules) {
    if (rule.group !== group) text += `${text === '' ? '' : '\n'}${rule.group}\n`;
    group = rule.group;
    const marks = [rule.isDestructive && '--destructive', rule.isRisky && '--risky'].filter((mark) => mark !== false);
    text += `  ${rule.id} (${rule.level}${marks.length > 0 ? `, with ${marks.join(', ')}` : ''})\n`;
    text += `    sent:     ${rule.sent}\n    expected: ${rule.expected}\n`;
  }
  return text;
}

/** The rules, for programs. */
export function ruleListJson(rules: readonly RuleText[]): string {
  const lines = rules.map(({ id, group, level, section, sent, expected, isDestructive, isRisky }) =>
    compactJson({ rule: id, group, level, section, destructive: isDestructive, risky: isRisky, sent, expected }),
  );
  return `[\n  ${lines.join(',\n  ')}\n]\n`;
}
