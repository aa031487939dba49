/** A report as JUnit's XML, which build servers show. */
import type { Excerpt } from '../wire/transcript.ts';
import type { ExaminationReport, Finding } from './report.ts';

/**
 * Returns the report as an XML document: a suite for each group, a case for each rule and mode. A broken rule is a failure, an inconclusive
 * one an error, one that is not applicable is skipped, and a discouraged one passes with its text as output.
 */
export function toJUnit(report: ExaminationReport): string {
  const groups = [...new Set(report.findings.map(({ rule }) => rule.group))];
  const suites = groups.map((group) =>
    suite(
      group,
      report.findings.filter(({ rule }) => rule.group === group),
    ),
  );
  const totals = totalsOf(report.findings);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="${xml(`nbd check ${report.server}`)}" ${totals}>\n${suites.join('')}</testsuites>\n`;
}

function suite(group: string, findings: readonly Finding[]): string {
  return `  <testsuite name="${xml(group)}" ${totalsOf(findings)}>\n${findings.map(testCase).join('')}  </testsuite>\n`;
}

function totalsOf(findings: readonly Finding[]): string {
  const count = (verdict: string): number => findings.filter((one) => one.verdict === verdict).length;
  const seconds = findings.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000;
  return `tests="${findings.length}" failures="${count('broken')}" errors="${count('inconclusive')}" skipped="${count('not applicable')}" time="${seconds.toFixed(3)}"`;
}

function testCase({ rule, mode, verdict, text, durationMs, evidence }: Finding): string {
  const name = mode === undefined ? rule.id : `${rule.id} (${mode})`;
  const head = `    <testcase classname="${xml(`nbd.${rule.group}`)}" name="${xml(name)}" time="${(durationMs / 1000).toFixed(3)}"`;
  const details = xml(`${rule.sent}\nexpected: ${rule.expected}\n${text}\n${evidence.map(excerptLine).join('\n')}`);
  switch (verdict) {
    case 'kept':
      return `${head}/>\n`;
    case 'not applicable':
      return `${head}>\n      <skipped message="${xml(text)}"/>\n    </testcase>\n`;
    case 'discouraged':
      return `${head}>\n      <system-out>${details}</system-out>\n    </testcase>\n`;
    case 'broken':
      return `${head}>\n      <failure type="${rule.level}" message="${xml(text)}">${details}</failure>\n    </testcase>\n`;
    case 'inconclusive':
      return `${head}>\n      <error message="${xml(text)}">${details}</error>\n    </testcase>\n`;
  }
}

/** An excerpt of what was exchanged, in one line. */
export function excerptLine({ by, connection, length, hex, text }: Excerpt): string {
  const who = { client: 'C', server: 'S', event: '*' }[by];
  const place = `${who}${connection === 1 ? '' : `(${connection})`}`;
  if (text !== undefined) return `${place}: ${text}`;
  const bytes = hex.replace(/(.{8})(?=.)/g, '$1 ');
  return `${place}: ${bytes}${length * 2 > hex.length ? ` ... (${length} bytes)` : ''}`;
}

/** Text in XML. Characters that XML cannot have become replacement characters. */
function xml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
