/** `packages/interfaces/src/rule-sections.ts`: the headings of the rules that errors cite, for use at run time. */
import { idsOfErrors } from './citations.ts';
import { published } from './repository.ts';
import type { RuleBook } from './rule-book.ts';

export const ruleSectionsPath = 'packages/interfaces/src/rule-sections.ts';

const head = `/**
 * The sections of the specification that errors name beside the rule that was broken.
 *
 * Written by \`pnpm generate\` from docs/conformance.json, for the rules that errors cite; do not edit.
 */

/** The heading of a section; two where each phase has its own. */
type Section = string | { readonly handshake: string; readonly transmission: string };

export const ruleSections: Readonly<Record<string, Section>> = {
`;

/**
 * The rules of specifications that errors of the published sources cite. QEMU's states are cited by a table, and by no error. The examiner
 * cites rules in its findings, and throws no such errors.
 */
export function rulesOfErrors(book: RuleBook): RuleBook['rules'] {
  const sources = published().filter(({ path }) => !path.startsWith('packages/examiner/'));
  const cited = new Set(sources.flatMap(idsOfErrors));
  return book.rules.filter(({ id, source }) => source !== 'qemu' && cited.has(id));
}

/** Writes the source. */
export function ruleSectionsSource(book: RuleBook): string {
  const rows = rulesOfErrors(book).map(({ id, section }) => `  ${id}: ${literal(section)},\n`);
  return `${head}${rows.join('')}};\n`;
}

function literal(section: RuleBook['rules'][number]['section']): string {
  if (typeof section === 'string') return `'${section}'`;
  return `{\n    handshake: '${section.handshake}',\n    transmission: '${section.transmission}',\n  }`;
}
