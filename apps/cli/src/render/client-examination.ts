/** What the examination of a client has found, as text and as JSON. */
import { type ClientReport, excerptLine, type ScenarioFinding, type ScenarioText } from '@nbdjs/examiner';
import type { Colours } from './colours.ts';
import { compactJson, exactJson, type JsonValue } from './exact-json.ts';
import { printable } from './printable.ts';

/** So many messages of the evidence are printed; JSON has all. */
const excerptsMax = 6;

/** One scenario: a line, and what it is about where the client has not taken it well. */
export function scenarioFindingText({ scenario, verdict, text }: ScenarioFinding, colours: Colours): string {
  if (verdict === 'kept') return `${colours.green('kept')} ${scenario.id}: ${printable(text)}\n`;
  const painted = verdict === 'broken' ? colours.red('BROKEN') : colours.cyan(verdict);
  return `${painted} ${scenario.id}
  served:   ${scenario.served}
  expected: ${scenario.expected} (${scenario.level})
  seen:     ${printable(text)}
`;
}

/** The rules that the client has broken by what it sent, and the verdict on the whole. */
export function clientReportText({ violations, counts }: ClientReport, colours: Colours): string {
  const lines = violations.flatMap(({ rule, level, text, scenario, evidence }) => [
    `${level === 'MUST' ? colours.red('BROKEN') : colours.cyan('discouraged')} ${rule} (${level}): ${printable(text)}`,
    `  first seen in ${scenario}`,
    ...evidence.slice(-excerptsMax).map((excerpt) => `    ${colours.dim(printable(excerptLine(excerpt)))}`),
  ]);
  const isBroken = counts.broken > 0 || violations.some(({ level }) => level === 'MUST');
  const verdict = isBroken ? colours.red('A MUST is broken') : colours.green('No MUST is broken');
  const parts = Object.entries(counts).filter(([name]) => name !== 'not applicable');
  const total = `${verdict}: ${parts.map(([name, count]) => `${count} ${name}`).join(', ')}`;
  return `${[...lines, total].join('\n')}\n`;
}

/** The report as JSON. */
export function clientReportJson(command: readonly string[], { findings, violations, counts }: ClientReport): string {
  const scenarios = findings.map(
    ({ scenario, outcome, verdict, text, durationMs }): JsonValue => ({
      scenario: scenario.id,
      level: scenario.level,
      demand: scenario.demand,
      outcome,
      verdict,
      text,
      milliseconds: Math.round(durationMs),
      served: scenario.served,
      expected: scenario.expected,
    }),
  );
  const broken = violations.map(
    ({ rule, level, text, scenario, evidence }): JsonValue => ({
      rule,
      level,
      text,
      scenario,
      evidence: evidence.map(({ by, connection, length, hex, text: what }) => ({
        by,
        connection,
        length,
        hex,
        text: what,
      })),
    }),
  );
  const { 'not applicable': _, ...rest } = counts;
  return `${exactJson({ version: 1, command: [...command], counts: rest, scenarios, violations: broken })}\n`;
}

/** The scenarios, for people. */
export function scenarioListText(scenarios: readonly ScenarioText[]): string {
  return scenarios
    .map(({ id, level, served, expected }) => `${id} (${level})\n  served:   ${served}\n  expected: ${expected}\n`)
    .join('');
}

/** The scenarios, for programs. */
export function scenarioListJson(scenarios: readonly ScenarioText[]): string {
  const lines = scenarios.map(({ id, level, demand, served, expected }) =>
    compactJson({ scenario: id, level, demand, served, expected }),
  );
  return `[\n  ${lines.join(',\n  ')}\n]\n`;
}
