/** Manual pages as plain text, for terminals. */

import { optionText } from './option-text.ts';
import type { ManualPage } from './page.ts';

const width = 80;

export function textPage(page: ManualPage): string {
  const sections: readonly (readonly [title: string, lines: readonly string[]])[] = [
    ['', [`Usage: ${page.synopsis}`]],
    ['', [`${page.name}: ${page.summary}`]],
    ...page.details.map((paragraph) => ['', wrapped(paragraph, 0)] as const),
    ['Commands', page.commands.flatMap(({ name, summary }) => entry(name, summary))],
    ['Arguments', page.arguments.flatMap(({ word, description }) => entry(word, description))],
    ['Options', page.options.flatMap((option) => entry(option.flags, optionText(option)))],
    ...page.notes.map(({ title, lines }) => [title, lines.map((line) => `  ${line}`)] as const),
    ['Examples', page.examples.flatMap(({ line, what }) => [`  # ${what}`, `  ${line}`])],
    ['Exit codes', page.exitCodes.map(([code, meaning]) => `  ${String(code).padEnd(4)}${meaning}`)],
  ];
  const shown = sections.filter(([, lines]) => lines.length > 0);
  return shown.map(([title, lines]) => `${[...(title === '' ? [] : [`${title}:`]), ...lines].join('\n')}\n`).join('\n');
}

function entry(head: string, text: string): readonly string[] {
  return [`  ${head}`, ...wrapped(text, 6)];
}

function wrapped(text: string, indent: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((one) => ' '.repeat(indent) + one);
}
