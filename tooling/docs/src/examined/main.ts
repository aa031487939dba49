/** `pnpm examined`: examines the servers of Debian trixie, and writes `docs/examined`. It takes some minutes. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { findProgram } from '@nbdjs/peers';
import { root } from '../repository.ts';
import { examine } from './examine.ts';
import { examinedPage } from './page.ts';
import { examinedServers, generation } from './servers.ts';

const folder = `${root}docs/examined/`;
mkdirSync(folder, { recursive: true });
for (const server of examinedServers) {
  if (findProgram(server.program, generation) === undefined)
    throw new Error(`${server.program} of ${generation} is missing`);
  const date = new Date().toISOString().slice(0, 10);
  writeFileSync(`${folder}${server.program}.md`, examinedPage(server, await examine(server), date));
  process.stdout.write(`docs/examined/${server.program}.md written\n`);
}
