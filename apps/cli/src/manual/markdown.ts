/** Manual pages in Markdown, for docs. */

import { capitalized } from '../render/capitalized.ts';
import { type DescribedOption, type ManualPage, pageName } from './page.ts';

/** One page. Links lead to the pages beside it. */
export function markdownPage(page: ManualPage): string {
  const sections = [
    ['', ['```console', `$ ${page.synopsis}`, '```']],
    ['', page.details.flatMap((paragraph, index) => (index === 0 ? [paragraph] : ['', paragraph]))],
    ['Commands', table(['command', 'what it does'], page.commands.map(commandRow))],
    [
      'Arguments',
      table(
        ['argument', 'meaning'],
        page.arguments.map(({ word, description }) => [code(word), cell(description)]),
      ),
    ],
    ['Options', table(['option', 'meaning', 'default'], page.options.map(optionRow))],
    ...page.notes.map(({ title, lines }) => ['', [`${title}:`, '', '```text', ...lines, '```']] as const),
    ['Examples', examples(page)],
    [
      'Exit codes',
      table(
        ['code', 'meaning'],
        page.exitCodes.map(([value, meaning]) => [String(value), cell(meaning)]),
      ),
    ],
  ] as const;
  const title = [`# ${page.name}`, '', `${capitalized(page.summary)}.`];
  const shown = sections.filter(([, lines]) => lines.length > 0);
  return `${[...title, ...shown.flatMap(([name, lines]) => ['', ...(name === '' ? [] : [`## ${name}`, '']), ...lines])].join('\n')}\n`;
}

function commandRow(page: ManualPage): readonly string[] {
  return [`[${code(page.name)}](${pageName(page)}.md)`, cell(page.summary)];
}

function optionRow({ flags, description, choices, default: value }: DescribedOption): readonly string[] {
  const meaning = choices === undefined ? description : `${description}: ${choices.map(code).join(', ')}`;
  return [code(flags), choices === undefined ? cell(meaning) : meaning, value === undefined ? '' : code(value)];
}

function examples({ examples }: ManualPage): readonly string[] {
  if (examples.length === 0) return [];
  return ['```sh', ...examples.map(({ line, what }) => `${line}  # ${what}`), '```'];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  if (rows.length === 0) return [];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``;
}

/** A bar would end the cell, and what stands in angles would be taken for HTML. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
