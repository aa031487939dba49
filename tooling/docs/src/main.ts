/** `pnpm generate`: writes what is generated; with `--check`, says which files are not what they should be. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { generatedFiles } from './generated-files.ts';
import { read, root } from './repository.ts';

const stale = generatedFiles().filter(({ path, text }) => !existsSync(`${root}${path}`) || read(path) !== text);

if (process.argv.includes('--check')) {
  for (const { path } of stale) process.stdout.write(`${path} is not what its data say; pnpm generate writes it\n`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const { path, text } of stale) {
    mkdirSync(dirname(`${root}${path}`), { recursive: true });
    writeFileSync(`${root}${path}`, text);
    process.stdout.write(`${path} written\n`);
  }
}
