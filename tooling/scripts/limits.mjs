/**
 * Writes `docs/limits.md` from the definitions of limits, and from the comments of the defaults that several packages share; with
 * `--check`, only says whether it is up to date. Runs from the sources: `pnpm limits`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { handshakeLimits } from '../../packages/handshake/src/client/options.ts';
import { extentStatusesMax } from '../../packages/kit/src/extents/total-extents.ts';
import { replyLimits } from '../../packages/multiplexer/src/replies/reply-limits.ts';
import { stringBytesMax } from '../../packages/protocol/src/text/text.ts';
import { serverLimits } from '../../packages/server/src/server-limits.ts';
import { webSocketChannelOptions } from '../../packages/websocket/src/channel/web-socket-channel.ts';
import { listenWebOptions } from '../../packages/websocket/src/node/listen-web.ts';
import { openWebOptions } from '../../packages/websocket/src/node/open-options.ts';
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

const ofClient = `
## A client's

Options of \`connect\` and of the packages below it, under \`limits\`: bounds for what a server sends.

| name | default | meaning |
| --- | ---: | --- |
`;

const ofWeb = `
## Of channels over WebSocket and HTTP Upgrade

Options of \`attachWeb\`, \`listenWeb\`, \`openWeb\` and \`openWebSocket\` of \`@nbdjs/websocket\`.

| name | default | 0 stands for | meaning |
| --- | ---: | --- | --- |
`;

const ofSeveral = `
## Of several packages

Defaults that several packages share (\`limits\` of \`@nbdjs/interfaces\`). They are options of \`connect\`, of \`createServer\` or of the
packages below them, under this name or a name of that package.

| name | default | meaning |
| --- | ---: | --- |
`;

const fixed = `
Three bounds are no options. \`payloadBytesMax\` is never exceeded, even if a peer announces more. Names, descriptions and error texts
have at most ${shown('stringBytesMax', stringBytesMax)}, as the specification says. The extents of one context may have
${shown('extentStatusesMax', extentStatusesMax)} different statuses when they are added up.
`;

const foot = `
## What they add up to

- A client in the handshake costs a server some KiB; one in transmission about 0.35 MiB of buffers. Payloads and replies
  are counted in addition and share \`serverBytesMax\`: memory for a payload is reserved before it arrives, and the second half of
  all memory is divided evenly among the connected clients, so that a client that needs little gets it even if others need much. One
  request beyond the limit may be accepted when no other request could go on.
- Bytes in the kernel's socket buffers are the kernel's; it bounds them itself (\`net.ipv4.tcp_mem\`, \`net.core.wmem_max\`).
- A client that stops in the middle of a request, or leaves replies unread, may be a suspended machine: it is disconnected
  only when others wait for the memory that it holds (after \`pressureMs\`) or for its place (after \`placeMs\`). If they are given,
  \`stallMs\`, \`sendStallMs\` and \`idleMs\` (for a client that sends no requests) hold even if no other client waits.
- A client that waits for a place is refused, with a message, when the clients that have places have sent no request for \`waitMs\`.
- The limit of open files of a process (\`ulimit -n\`) also counts: each client needs one, and the server some more.
`;

const tables = [
  [head, serverRows()],
  [ofClient, clientRows()],
  [ofWeb, webRows()],
  [ofSeveral, sharedRows()],
];
const text = [...tables.map(([words, rows]) => `${words}${rows.join('\n')}\n`), fixed, foot].join('');

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

function clientRows() {
  return [...handshakeLimits.entries, ...replyLimits.entries].map(({ name, default: value, doc }) => {
    return `| \`${name}\` | ${shown(name, value)} | ${doc} |`;
  });
}

/** Options with a number as default, once each. */
function webRows() {
  const all = [...listenWebOptions.entries, ...openWebOptions.entries, ...webSocketChannelOptions.entries];
  const limits = all.filter(({ default: value }) => typeof value === 'number');
  const rows = limits.map(({ name, default: value, zero, doc }) => {
    return `| \`${name}\` | ${shown(name, value)} | ${zero ?? ''} | ${doc} |`;
  });
  return [...new Set(rows)];
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

/** Products of numbers and `mebi`. */
function evaluated(value) {
  const factors = { mebi: 2 ** 20 };
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
