/**
 * Writes `docs/limits.md` from the definitions of a server's limits, and from the comments of those that several packages share; with
 * `--check`, only says whether it is up to date. Runs from the sources: `pnpm limits`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { serverLimits } from '../../packages/server/src/server-limits.ts';
import { root } from './pnpm.mjs';

const source = `${root}packages/interfaces/src/limits.ts`;
const target = `${root}docs/limits.md`;

const head = `# Limits

Everything that a peer can make us keep, wait for, count or look through has a bound: these are the defaults.
\`pnpm limits\` writes this page from the definitions; \`pnpm check\` fails when the two differ.

## A server's

Options of \`createServer\`, under \`limits\`; \`nbd serve\` has options for those that matter most, and \`--limit NAME=N\` for each.

| name | default | 0 stands for | meaning |
| --- | ---: | --- | --- |
`;

const between = `
## Of a client, and of both sides

\`stringBytesMax\` is the specification's own, and \`payloadBytesMax\` what nothing exceeds, whatever a peer announces. Every other
one is an option, under this name or the one that its package has for it: of \`connect\` and of the packages below it (\`limits\` for
what a server sends).

| name | default | meaning |
| --- | ---: | --- |
`;

const foot = `
## What they add up to

- A client that has just come costs a server some KiB; one in transmission about 0.35 MiB, for what it sends and is sent. Payloads
  and replies come on top and share \`serverBytesMax\`: memory for a payload is set aside before it arrives, and the second half of
  all memory is divided evenly among those who are connected, so that whoever needs little gets it whatever the others do. One
  request more than that may be let through when nothing else would move.
- Bytes in the kernel's socket buffers are the kernel's; it bounds them itself (\`net.ipv4.tcp_mem\`, \`net.core.wmem_max\`).
- A client that stands still, in the middle of a request or with replies unread, may be a suspended machine: it is cut off
  only when others wait for the memory that it holds (after \`pressureMs\`) or for its place (after \`placeMs\`). \`stallMs\`,
  \`sendStallMs\` and, for whoever asks for nothing, \`idleMs\` hold whether or not anybody needs anything, where they are given.
- A client that waits for a place is refused, in words, when all who have one have asked for nothing for \`waitMs\`.
- A process has a limit of open files besides (\`ulimit -n\`): one for each client, and some more.
`;

const text = `${head}${serverRows().join('\n')}\n${between}${sharedRows().join('\n')}\n${foot}`;

if (process.argv.includes('--check')) {
  if (read() === text) process.stdout.write('docs/limits.md is up to date\n');
  else {
    process.stdout.write('docs/limits.md is not what the definitions say; pnpm limits writes it\n');
    process.exitCode = 1;
  }
} else {
  mkdirSync(`${root}docs`, { recursive: true });
  writeFileSync(target, text);
}

function read() {
  try {
    return readFileSync(target, 'utf8');
  } catch {
    return '';
  }
}

function serverRows() {
  return serverLimits.entries.map(({ name, default: value, zero, doc }) => {
    return `| \`${name}\` | ${shown(name, value)} | ${zero ?? ''} | ${doc} |`;
  });
}

function sharedRows() {
  const [, body = ''] = /export const limits = \{\n([\s\S]*?)\n\} as const;/.exec(readFileSync(source, 'utf8')) ?? [];
  const entry = /\/\*\*([\s\S]*?)\*\/\s*(\w+): ([^,\n]+),/g;
  const all = [...body.matchAll(entry)].map(([, comment = '', name = '', value = '']) => {
    const meaning = comment.replaceAll(/\s*\n\s*\*\s?/g, ' ').trim();
    return `| \`${name}\` | ${shown(name, evaluated(value))} | ${meaning} |`;
  });
  const count = [...body.matchAll(/^ {2}\w+:/gm)].length;
  if (all.length === 0 || all.length !== count) {
    throw new Error(`${source}: ${count} limits, ${all.length} of them with a comment that can be read`);
  }
  return all;
}

/** Products of numbers, `kibi` and `mebi`. */
function evaluated(value) {
  const factors = { kibi: 2 ** 10, mebi: 2 ** 20 };
  return value.split('*').reduce((product, word) => {
    const factor = factors[word.trim()] ?? Number(word.trim().replaceAll('_', ''));
    if (Number.isNaN(factor)) throw new Error(`${source}: '${value}' is no product of numbers`);
    return product * factor;
  }, 1);
}

function shown(name, number) {
  if (number === 0) return 'none';
  if (name.endsWith('Ms')) return number >= 1000 ? `${number / 1000} s` : `${number} ms`;
  if (!/bytes/i.test(name)) return number.toLocaleString('en');
  if (number % 2 ** 20 === 0) return `${number / 2 ** 20} MiB`;
  return number % 2 ** 10 === 0 ? `${number / 2 ** 10} KiB` : `${number.toLocaleString('en')} bytes`;
}
