/** Builds the site into `dist`: the reference first, then all pages. Ends with 1 when a link leads nowhere. */
import { fileURLToPath } from 'node:url';
import { build } from 'vitepress';
import { siteBase } from './pages.ts';
import { writeReference } from './reference.ts';
import { deadLinks } from './site-links.ts';

const workspace = fileURLToPath(new URL('..', import.meta.url));

await writeReference(`${workspace}reference`);
await build(workspace);
const dead = deadLinks(`${workspace}dist`, siteBase);
for (const line of dead) process.stdout.write(`${line}\n`);
process.exitCode = dead.length === 0 ? 0 : 1;
