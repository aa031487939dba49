import type { DescribedOption } from './page.ts';

/** What an option means, with its choices and its default. */
export function optionText({ description, choices, default: value }: DescribedOption): string {
  const facts = [
    ...(choices === undefined ? [] : [`one of ${choices.join(', ')}`]),
    ...(value === undefined ? [] : [`default: ${value}`]),
  ];
  return facts.length === 0 ? description : `${description} (${facts.join('; ')})`;
}
