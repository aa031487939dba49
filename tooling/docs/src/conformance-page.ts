/** `docs/conformance.md`: the rule-book for readers. */
import { type HeldBy, workspacesHolding } from './held-by.ts';
import { workspaceOf } from './repository.ts';
import { type Case, type Family, headingsOf, type Rule, type RuleBook } from './rule-book.ts';

export const conformancePath = 'docs/conformance.md';

const head = `# Conformance

Every rule that nbdjs follows, its source, and the tests that check it. Comments, titles of tests and errors cite the rules by
their ids: \`ProtocolError\` names the broken rule in \`rule\`, and the section of the specification in \`section\`.

\`pnpm generate\` writes this page from \`docs/conformance.json\` and from the titles of the tests; \`pnpm check\` fails when they differ.
The sentences are our own. In case of doubt, the section of the specification decides.

## How to add a rule

1. Add it to [\`docs/conformance.json\`](conformance.json), behind the last of its family, with the next number. Numbers are never used
   twice, and never change: errors of published versions name them. It needs a sentence of your own (\`text\`), the \`level\` (MUST,
   SHOULD or MAY, as the source has it), the \`source\` and the heading of the \`section\` (two, as \`handshake\` and \`transmission\`, where
   each phase has its own), and the \`packages\` that implement it. \`qemu\` says what QEMU does otherwise.
2. Cite it where it is implemented: in a comment (\`// Nothing is sent behind DISC (C47).\`), and in the error for its violation
   (\`new ProtocolError('unexpected-cookie', message, { phase: 'transmission', rule: 'C40' })\`).
3. Check it by a test whose title begins with its id: \`it('C54: overlapping chunks end the connection', ...)\`. Name the test's workspace
   under \`tests\`. A rule that no test can check has the reason under \`untested\` instead.
4. Run \`pnpm generate\`. It writes this page, and the headings that errors show (\`packages/interfaces/src/rule-sections.ts\`).

A defect that was found together with other software becomes a case (the lists at the end): a sentence on what was wrong, and tests named
after it. \`pnpm check\` makes sure that every id that is cited anywhere is in \`docs/conformance.json\`, that every workspace under
\`tests\` has a test with the id in its title, and that a rule with tests is not called untested.
`;

/** Writes the page. */
export function conformancePage(book: RuleBook, held: HeldBy): string {
  const families = book.families.map((family) => familyPart(book, family, held));
  return [head, sourcesPart(book), ...families.filter((part) => part !== ''), sectionsPart(book)].join('\n');
}

function sourcesPart({ sources }: RuleBook): string {
  const rows = Object.values(sources).map(
    ({ title, url, revision, remark = '' }) => `| [${title}](${url}) | \`${revision}\` | ${remark} |`,
  );
  return table('Sources', ['Document', 'Revision', 'Remark'], rows);
}

function familyPart(book: RuleBook, { letter, title }: Family, held: HeldBy): string {
  const rules = book.rules.filter(({ id }) => id.startsWith(letter));
  const cases = book.cases.filter(({ id }) => id.startsWith(letter));
  const heading = `${letter}: ${title}`;
  if (rules.length > 0) {
    const rows = rules.map((rule) => ruleRow(book, rule, held));
    return table(heading, ['Rule', 'Level', 'Sentence', 'Section', 'In', 'Held by'], rows);
  }
  if (cases.length === 0) return '';
  const rows = cases.map((one) => caseRow(one, held));
  return table(heading, ['Case', 'What was wrong', 'Held by'], rows);
}

function ruleRow(book: RuleBook, rule: Rule, held: HeldBy): string {
  const { id, level = '', text, packages, qemu, untested } = rule;
  const sentence = qemu === undefined ? text : `${text} (QEMU ${qemu}.)`;
  const holders = untested === undefined ? filesOf(held, id) : `no test: ${untested}`;
  return `| ${anchored(id)} | ${level} | ${sentence} | ${sectionLinks(book, rule)} | ${packages.join(', ')} | ${holders} |`;
}

function caseRow({ id, text }: Case, held: HeldBy): string {
  return `| ${anchored(id)} | ${text} | ${filesOf(held, id)} |`;
}

function sectionLinks({ sources }: RuleBook, { source, section }: Rule): string {
  const url = sources[source]?.url;
  if (source === 'qemu') return headingsOf(section).join(', ');
  return headingsOf(section)
    .map((heading) => `[${heading}](${url}#${anchorOf(heading)})`)
    .join(', ');
}

/** Links to the test files of an id, by workspace. */
function filesOf(held: HeldBy, id: string): string {
  return workspacesHolding(held, id)
    .map((workspace) => {
      const paths = (held.get(id) ?? []).filter((path) => workspaceOf(path) === workspace);
      return `${workspace}: ${paths.map((path) => `[${nameOf(path)}](../${path})`).join(', ')}`;
    })
    .join('; ');
}

/** The rules once more, by the sections of their source. */
function sectionsPart({ sources, rules }: RuleBook): string {
  const rows = Object.entries(sources).flatMap(([source, { title }]) => {
    const ofSource = rules.filter((rule) => rule.source === source);
    const headings = [...new Set(ofSource.flatMap(({ section }) => headingsOf(section)))];
    return headings.map((heading) => {
      const ids = ofSource.filter(({ section }) => headingsOf(section).includes(heading)).map(({ id }) => id);
      return `| ${heading} | ${title} | ${ids.map((id) => `[${id}](#${id.toLowerCase()})`).join(', ')} |`;
    });
  });
  return table('Rules by section', ['Section', 'Document', 'Rules'], rows);
}

function table(heading: string, columns: readonly string[], rows: readonly string[]): string {
  return [
    `## ${heading}`,
    '',
    `| ${columns.join(' | ')} |`,
    `|${columns.map(() => ' --- |').join('')}`,
    ...rows,
    '',
  ].join('\n');
}

function anchored(id: string): string {
  return `<a id="${id.toLowerCase()}"></a>${id}`;
}

/** The anchor that GitHub gives a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}

function nameOf(path: string): string {
  return path.replace(/^.*\//, '').replace(/(\.test)?\.ts$/, '');
}
