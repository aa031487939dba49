/** The sources that a package's `dist` is made of, and a number that tells them from others. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** All TypeScript files that are built, relative to the package's folder, in order. */
export function sourcesOf(folder) {
  return readdirSync(`${folder}/src`, { recursive: true })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.endsWith('.testing.ts'))
    .map((file) => `src/${file}`)
    .sort();
}

/** Where a stamp lies: outside of `dist`, so that it is not published. */
const stampOf = (folder, what) => `${folder}/.turbo/${what}.sha256`;

/**
 * Remembers of which sources a package's `program` or `declarations` were made. Times would not do: a cache and a checkout
 * change them at will.
 */
export function stamp(folder, what) {
  mkdirSync(`${folder}/.turbo`, { recursive: true });
  writeFileSync(stampOf(folder, what), `${hashOf(folder)}\n`);
}

/** Whether they were made of the sources that are there now. */
export function isFresh(folder, what) {
  try {
    return readFileSync(stampOf(folder, what), 'utf8').trim() === hashOf(folder);
  } catch {
    return false;
  }
}

function hashOf(folder) {
  const hash = createHash('sha256');
  for (const file of sourcesOf(folder))
    hash
      .update(`${file}\0`)
      .update(readFileSync(`${folder}/${file}`))
      .update('\0');
  return hash.digest('hex');
}
