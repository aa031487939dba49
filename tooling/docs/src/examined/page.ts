/** What was found out about a server, as a page. */
import { excerptLine, type Finding, type Verdict } from '@nbdjs/examiner';
import { markdownTable } from '../markdown-table.ts';
import { byHand } from './by-hand.ts';
import type { Examination, Subject } from './examination.ts';

const unkept: readonly Verdict[] = ['broken', 'discouraged', 'inconclusive'];

/** `date` is when it was examined, as in 2026-11-28. */
export function examinedPage(server: Subject, { version, report, risky }: Examination, date: string): string {
  const { counts } = report;
  return [
    `# ${server.program} under examination`,
    `${version} of Debian trixie, as \`${server.command}\`, on ${date}: \`nbd check --destructive\` on a disk of 8 MiB. \`pnpm examined\` writes this page. [README](README.md) says what the verdicts mean.`,
    `Kept ${counts.kept}, broken ${counts.broken}, discouraged ${counts.discouraged}, not applicable ${counts['not applicable']}, inconclusive ${counts.inconclusive}. A rule of the transmission phase counts once for each mode (simple, structured, extended) that the server has.`,
    '## What is not kept',
    list(report.findings, server, 'Every rule that applies is kept.'),
    '## Rules by which servers are known to go down',
    'Each was examined on a server of its own (`--risky`).',
    list(risky, server, 'The server has survived all of them.'),
    '',
  ]
    .join('\n\n')
    .trimEnd()
    .concat('\n');
}

function list(findings: readonly Finding[], { program }: Subject, ifNone: string): string {
  const ids = [...new Set(findings.filter(isUnkept).map(({ rule }) => rule.id))];
  if (ids.length === 0) return ifNone;
  return ids
    .map((id) =>
      part(
        findings.filter((one) => one.rule.id === id && isUnkept(one)),
        program,
      ),
    )
    .join('\n\n');
}

function isUnkept({ verdict }: Finding): boolean {
  return unkept.includes(verdict);
}

/** One rule; the modes in which it is not kept are named, and the evidence is that of the first. */
function part(findings: readonly Finding[], program: string): string {
  const [first] = findings;
  if (first === undefined) return '';
  const { rule, verdict } = first;
  const modes = findings.flatMap(({ mode }) => (mode === undefined ? [] : [mode]));
  const verified = byHand[program]?.[rule.id];
  return [
    `### ${rule.id}: ${verdict}`,
    `${rule.level}, section “${rule.section}”${modes.length === 0 ? '' : `; ${modes.join(', ')}`}.`,
    table([
      ['sent', rule.sent],
      ['expected', rule.expected],
      ...[...new Set(findings.map(({ text }) => text))].map((text) => ['seen', text]),
      ['verified by hand', verified ?? 'no'],
    ]),
    ...(first.evidence.length === 0
      ? []
      : [`\`\`\`text\n${first.evidence.slice(-linesMax).map(excerptLine).join('\n')}\n\`\`\``]),
  ].join('\n\n');
}

/** Messages of the evidence that a page shows: the last ones. */
const linesMax = 8;

/** What stands in angles would be taken for HTML. */
function table(rows: readonly (readonly string[])[]): string {
  return markdownTable(
    ['', ''],
    rows.map((cells) => cells.map((text) => text.replaceAll('<', '&lt;'))),
  );
}
