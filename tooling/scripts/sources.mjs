/** The sources that a package's `dist` is made of, and a number that tells them from others. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

/** All TypeScript files that are built, relative to the package's folder, in order. */
export function sourcesOf(folder) {
  return readdirSync(`${folder}/src`, { recursive: true })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.endsWith('.testing.ts'))
    .map((file) => `src/${file}`)
    .sort();
}

/** Where a stamp lies: outside of `dist`, so that it is not published. */
const stampOf = (folder, what) => `${folder}/.turbo/${what}.json`;

/** The files of `dist` whose names depend on their contents, so that those of another build do not replace them. */
const bundlesIn = (folder) => readdirSync(`${folder}/dist`).filter((file) => /\.js(\.map)?$/.test(file));

/**
 * Remembers of which sources a package's `program` or `declarations` were made, and which files a program consists of. Times would not
 * do: a cache and a checkout change them at will.
 */
export function stamp(folder, what) {
  mkdirSync(`${folder}/.turbo`, { recursive: true });
  const files = what === 'program' ? { files: bundlesIn(folder) } : {};
  writeFileSync(stampOf(folder, what), `${JSON.stringify({ sources: hashOf(folder), ...files })}\n`);
}

/** Whether they were made of the sources that are there now. */
export function isFresh(folder, what) {
  return stampIn(folder, what)?.sources === hashOf(folder);
}

/** Removes from `dist` what another build has left there: a build that comes from the cache does not empty the folder. */
export function removeStale(folder) {
  const { files } = stampIn(folder, 'program') ?? {};
  if (files === undefined || !existsSync(`${folder}/dist`)) return;
  for (const file of bundlesIn(folder)) if (!files.includes(file)) rmSync(`${folder}/dist/${file}`);
  for (const file of readdirSync(`${folder}/dist`, { recursive: true })) {
    const isOrphan = file.endsWith('.d.ts') && !existsSync(`${folder}/src/${file.replace(/\.d\.ts$/, '.ts')}`);
    if (isOrphan) rmSync(`${folder}/dist/${file}`);
  }
}

function stampIn(folder, what) {
  try {
    return JSON.parse(readFileSync(stampOf(folder, what), 'utf8'));
  } catch {
    return undefined;
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
