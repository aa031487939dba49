/**
 * `prepack` of every package: lets nothing be packed or published that is not built from the sources that are there, with
 * declarations, or whose dependencies would be published as `workspace:^`. Removes what earlier builds have left. Runs in the package's
 * folder.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isFresh, knowsIncluded, removeStale, sourcesOf } from './sources.mjs';

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));

removeStale('.');
const problem = wrongManager() ?? missingTarget() ?? staleProgram() ?? staleDeclarations();
if (problem !== undefined) {
  process.stderr.write(`${manifest.name} cannot be packed: ${problem}\n`);
  process.exitCode = 1;
}

/** Only pnpm replaces `workspace:^` by a version and applies `publishConfig`. */
function wrongManager() {
  const manager = process.env.npm_config_user_agent?.split('/')[0];
  if (manager === undefined || manager === 'pnpm') return undefined;
  return `${manager} would leave "workspace:" in its dependencies (use pnpm pack or pnpm publish)`;
}

function missingTarget() {
  const targets = [manifest.exports, manifest.publishConfig?.exports, manifest.bin].flatMap(pathsIn);
  const missing = targets.find((path) => !existsSync(path));
  return missing && `${missing} is missing (run pnpm build)`;
}

/** All paths in a tree of conditions, but for those that only the workspace uses. */
function pathsIn(tree) {
  if (typeof tree === 'string') return [tree];
  return Object.entries(tree ?? {}).flatMap(([key, value]) => (key === '@nbdjs/source' ? [] : pathsIn(value)));
}

/**
 * Besides the stamp, the source maps are asked: they carry the sources of other packages that a program includes. Scripts of the command
 * line have none; what they include is in the stamp.
 */
function staleProgram() {
  if (!isFresh('.', 'program')) return 'its programs are older than its sources (run pnpm build)';
  for (const file of readdirSync('dist').filter((name) => /\.[cm]?js$/.test(name))) {
    if (!existsSync(`dist/${file}.map`)) {
      if (file.endsWith('.cjs') && knowsIncluded('.')) continue;
      return `dist/${file} has no source map (run pnpm build)`;
    }
    const { sources, sourcesContent } = JSON.parse(readFileSync(`dist/${file}.map`, 'utf8'));
    for (const [index, source] of sources.entries()) {
      const path = resolve(dirname(`dist/${file}`), source);
      if (path.includes('/node_modules/')) continue;
      const isSame = existsSync(path) && readFileSync(path, 'utf8') === sourcesContent[index];
      if (!isSame) return `dist/${file} is older than ${source.replace(/^\.\.\//, '')} (run pnpm build)`;
    }
  }
  return undefined;
}

function staleDeclarations() {
  // A program without exports for others has none.
  if (!JSON.stringify(manifest.exports).includes('"types"')) return undefined;
  const missing = sourcesOf('.').find((source) => !existsSync(source.replace(/^src\/(.*)\.ts$/, 'dist/$1.d.ts')));
  if (missing !== undefined) return `the declarations of ${missing} are missing (run pnpm build)`;
  return isFresh('.', 'declarations') ? undefined : 'its declarations are older than its sources (run pnpm build)';
}
