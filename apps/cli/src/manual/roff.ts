/** Manual pages for man(1), in the macros of man(7). */

import { capitalized } from '../render/capitalized.ts';
import { optionText } from './option-text.ts';
import { type ManualPage, pageName } from './page.ts';

/** `version` is that of the program. */
export function roffPage(page: ManualPage, version: string): string {
  const sections = [
    ['NAME', [`${escaped(pageName(page))} \\- ${escaped(page.summary)}`]],
    ['SYNOPSIS', [synopsis(page)]],
    ['DESCRIPTION', page.details.flatMap((paragraph) => ['.PP', plain(paragraph)])],
    ['COMMANDS', page.commands.flatMap((one) => entry(bold(one.name), one.summary))],
    ['ARGUMENTS', page.arguments.flatMap(({ word, description }) => entry(flags(word), description))],
    ['OPTIONS', page.options.flatMap((option) => entry(flags(option.flags), optionText(option)))],
    ['NOTES', page.notes.flatMap(({ title, lines }) => ['.PP', plain(title), ...verbatim(lines)])],
    ['EXIT STATUS', page.exitCodes.flatMap(([code, meaning]) => entry(bold(String(code)), meaning))],
    [
      'EXAMPLES',
      page.examples.flatMap(({ line, what }) => ['.PP', plain(`${capitalized(what)}:`), ...verbatim([line])]),
    ],
    ['SEE ALSO', [seeAlso(page)]],
  ] as const;
  const title = `.TH ${escaped(pageName(page).toUpperCase())} 1 "" "nbd ${version}" "nbdjs"`;
  const shown = sections.filter(([, lines]) => lines.length > 0 && lines[0] !== '');
  return `${[title, ...shown.flatMap(([name, lines]) => [`.SH ${name}`, ...lines])].join('\n')}\n`;
}

function synopsis({ name, synopsis }: ManualPage): string {
  return `.B ${escaped(name)}\n${plain(synopsis.slice(name.length + 1))}`;
}

function entry(head: string, text: string): readonly string[] {
  return ['.TP', head, plain(text)];
}

function verbatim(lines: readonly string[]): readonly string[] {
  return ['.RS 4', '.nf', ...lines.map(plain), '.fi', '.RE'];
}

function seeAlso({ name, commands }: ManualPage): string {
  const parents = name.split(' ').slice(0, -1);
  const others = [...(parents.length === 0 ? [] : [parents.join('-')]), ...commands.map(pageName)];
  return others.map((other) => `.BR ${escaped(other)} (1)`).join(' ,\n');
}

/** What has to be typed is bold, and what stands for something else is italic. */
function flags(text: string): string {
  const parts = text.split(/(<[^>]*>|\[[^\]]*\])/).filter((part) => part !== '');
  return parts.map((part) => (/^[<[]/.test(part) ? italic(part) : bold(part))).join('');
}

function bold(text: string): string {
  return `\\fB${escaped(text)}\\fR`;
}

function italic(text: string): string {
  return `\\fI${escaped(text)}\\fR`;
}

/** A line of text. At its beginning, a dot or an apostrophe would be a macro. */
function plain(text: string): string {
  return escaped(text).replace(/^[.']/, '\\&$&');
}

function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replaceAll('`', '\\(ga');
}
