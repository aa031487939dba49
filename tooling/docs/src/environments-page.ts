/** The tables of docs/environments.md: what was tried where, as the run of `pnpm environments` has written it down. */
import { read } from './repository.ts';

/** From the root. */
export const environmentsPath = 'docs/environments.md';

/** By file of tests, then by environment, then by what was tried: how the test ended. */
type Results = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>>;

const words: Readonly<Record<string, string>> = { passed: 'yes', failed: '**no**' };

/** The page with its tables replaced. */
export function environmentsPage(text: string, results: Results): string {
  return text.replaceAll(/(<!-- tried: (.*?) -->\n).*?(<!-- end: tried -->)/gs, (_, begin, name, end) => {
    const rows = results[name];
    if (rows === undefined) throw new Error(`${environmentsPath}: nothing was tried as '${name}'`);
    return `${begin}${table(rows)}${end}`;
  });
}

/** What the last run has found. */
export function triedEnvironments(): Results {
  return JSON.parse(read('tooling/consumer/environments.json')) as Results;
}

function table(rows: Results[string]): string {
  const columns = [...new Set(Object.values(rows).flatMap((row) => Object.keys(row)))];
  const lines = Object.entries(rows).map(([name, row]) => [name, ...columns.map((column) => cell(row[column]))]);
  return [['', ...columns], columns.map(() => '---').concat('---'), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |\n`.replace('|  |', '| |'))
    .join('');
}

/** Does not exist: nothing to try. Did not run: must not look like a success. */
function cell(status: string | undefined): string {
  if (status === undefined) return '';
  return words[status] ?? 'not run';
}
