/**
 * The scripts of the command line include other packages of ours (ADR 0030). So a release of one of them has to be one of the command
 * line, too: if any changeset names a package, one has to name `@nbdjs/cli`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { root } from './pnpm.mjs';

const cli = '@nbdjs/cli';
const folder = `${root}.changeset`;
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.md') && file !== 'README.md')
  .flatMap((file) => packagesIn(readFileSync(`${folder}/${file}`, 'utf8')));

if (names.length > 0 && !names.includes(cli)) {
  process.stdout.write(`a changeset names ${names[0]}, which ${cli} includes, and none names ${cli}\n`);
  process.exitCode = 1;
}

/** The names in the head of a changeset. */
function packagesIn(text) {
  const [, head = ''] = text.split(/^---$/m);
  return [...head.matchAll(/^["']?(@nbdjs\/[^"':]+)["']?:/gm)].map(([, name]) => name);
}
