/** The pages about examined servers. */
import { readdirSync } from 'node:fs';
import { type ExaminationReport, type Finding, ruleTexts } from '@nbdjs/examiner';
import { describe, expect, it } from 'vitest';
import { byHand } from '../src/examined/by-hand.ts';
import { examinedPage } from '../src/examined/page.ts';
import { read, root } from '../src/repository.ts';

const known = new Set(ruleTexts.map(({ id }) => id));
const server = { program: 'nbdkit', command: 'nbdkit memory 8M' };
const [rule] = ruleTexts;
if (rule === undefined) throw new Error('there are no rules');

function finding(verdict: Finding['verdict'], mode?: Finding['mode']): Finding {
  const evidence = [{ by: 'server' as const, connection: 1, length: 2, hex: 'beef', text: undefined }];
  return { rule, verdict, mode, text: `seen | in ${mode}`, durationMs: 1, evidence } as unknown as Finding;
}

function page(findings: readonly Finding[], risky: readonly Finding[] = []): string {
  const counts = { kept: 1, broken: 1, discouraged: 0, 'not applicable': 0, inconclusive: 0 };
  const report = { counts, findings } as unknown as ExaminationReport;
  return examinedPage(server, { version: '1.0', report, risky }, '2026-01-01');
}

describe('a page', () => {
  it('has each rule that is not kept once, with its modes, what was seen and the bytes', () => {
    const text = page([finding('kept'), finding('broken', 'simple'), finding('broken', 'extended')]);
    expect(text.split(`### ${rule.id}: broken`)).toHaveLength(2);
    expect(text).toContain('simple, extended.');
    expect(text).toContain('| seen | seen \\| in simple |');
    expect(text).toContain('S: beef');
  });

  it('says where nothing was found', () => {
    expect(page([finding('kept'), finding('not applicable')])).toContain('Every rule that applies is kept.');
    expect(page([], [finding('discouraged')])).toContain(`### ${rule.id}: discouraged`);
  });
});

describe('the pages in docs', () => {
  it('are about rules that there are, as are the notes', () => {
    for (const name of readdirSync(`${root}docs/examined`).filter((file) => file !== 'README.md')) {
      const rules = [...read(`docs/examined/${name}`).matchAll(/^### (\S+): /gm)].map(([, id]) => id);
      expect(rules.length).toBeGreaterThan(0);
      expect(rules.filter((id) => !known.has(id ?? ''))).toEqual([]);
      // What is published about others was verified.
      const notes = byHand[name.replace('.md', '')] ?? {};
      expect(rules.filter((id) => notes[id ?? ''] === undefined)).toEqual([]);
    }
    const noted = Object.values(byHand).flatMap((notes) => Object.keys(notes));
    expect(noted.filter((id) => !known.has(id))).toEqual([]);
  });
});
