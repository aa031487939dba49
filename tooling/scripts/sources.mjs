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
 * do: a cache and a checkout change them at will. `included` are sources of other packages that became a part of it.
 */
export function stamp(folder, what, included = []) {
  mkdirSync(`${folder}/.turbo`, { recursive: true });
  const files = what === 'program' ? { files: bundlesIn(folder) } : {};
  const others = included.length === 0 ? {} : { included, others: hashOfFiles(folder, included) };
  writeFileSync(stampOf(folder, what), `${JSON.stringify({ sources: hashOf(folder), ...files, ...others })}\n`);
}

/** Whether they were made of the sources that are there now, those of other packages that they include among them. */
export function isFresh(folder, what) {
  const { sources, included = [], others } = stampIn(folder, what) ?? {};
  return sources === hashOf(folder) && (included.length === 0 || others === hashOfFiles(folder, included));
}

/** Whether it is known which sources of other packages a program includes, also where it has no map that names them. */
export function knowsIncluded(folder) {
  return stampIn(folder, 'program')?.included !== undefined;
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
  return hashOfFiles(folder, sourcesOf(folder));
}

function hashOfFiles(folder, files) {
  const hash = createHash('sha256');
  for (const file of files) {
    const path = `${folder}/${file}`;
    hash
      .update(`${file}\0`)
      .update(existsSync(path) ? readFileSync(path) : '')
      .update('\0');
  }
  return hash.digest('hex');
}
