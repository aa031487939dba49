/** What `nbd certs` has made, and commands that use it. */
import { join } from 'node:path';
import { fileNames } from '@nbdjs/certificates';
import { defaultPort, formatUri } from '@nbdjs/client';
import type { Colours } from './colours.ts';
import { printable } from './printable.ts';

/** A file in the folder, and what there is to say about it. */
export interface MadeFile {
  readonly name: string;
  readonly note: string;
}

export interface ExampleFacts {
  readonly hosts: readonly string[];
  readonly isForServer: boolean;
  readonly isForClient: boolean;
}

/** A command, and what it is for. */
type Example = readonly [purpose: string, command: string];

/** One line for each file. */
export function madeFiles(folder: string, files: readonly MadeFile[], colours: Colours): string {
  const paths = files.map(({ name }) => printable(join(folder, name)));
  const width = Math.max(...paths.map((path) => path.length));
  const lines = files.map(({ note }, index) => {
    return `${paths[index]?.padEnd(width)}  ${colours.dim(printable(note))}`;
  });
  return `${lines.join('\n')}\n`;
}

/** How the server and the client, those that certificates were made for, use them. */
export function certificateExamples(folder: string, facts: ExampleFacts, colours: Colours): string {
  const { hosts, isForServer, isForClient } = facts;
  const certificates = `--tls-certificates ${shellWord(folder)}`;
  const serve = `nbd serve --tls require ${certificates} --tls-verify-peer${bindTo(hosts)} disk.img`;
  const lines: Example[] = [];
  if (isForServer) lines.push(['serve to clients with a certificate of this authority', serve]);
  if (isForClient) lines.push(['look at it', `nbd info ${certificates} ${uriOf(hosts)}`]);
  return examples(lines, colours);
}

/** How a server and a client use the keys. */
export function pskExamples(folder: string, user: string, hosts: readonly string[], colours: Colours): string {
  const keys = `--tls-psk ${shellWord(join(folder, fileNames.psks))}`;
  return examples(
    [
      ['serve to clients with a key', `nbd serve --tls require ${keys}${bindTo(hosts)} disk.img`],
      ['look at it', `nbd info ${keys} ${uriOf(hosts, user)}`],
    ],
    colours,
  );
}

function examples(lines: readonly Example[], colours: Colours): string {
  return lines.map(([purpose, command]) => `${colours.dim(`# ${purpose}`)}\n${colours.bold(command)}\n`).join('');
}

/** Without `--bind`, a server listens on this machine only. */
function bindTo(hosts: readonly string[]): string {
  const isLocal = hosts.some((host) => host === 'localhost' || host === '127.0.0.1');
  return isLocal ? '' : " --bind '*'";
}

/** The URI of the first host that can be called by name. */
function uriOf(hosts: readonly string[], userName?: string): string {
  const host = hosts.find((one) => !one.startsWith('*')) ?? 'localhost';
  const address = { transport: 'tcp', host, port: defaultPort } as const;
  return shellWord(formatUri({ address, tlsRequired: true, tls: { userName }, exportName: '', extensions: {} }));
}

/** A word that a shell leaves as it is. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
