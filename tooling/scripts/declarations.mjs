/**
 * Writes the type declarations of all packages, in one compiler process: a quarter of the time that one process for each
 * package takes. The bundler, which knows no types, writes the rest of `dist`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { root } from './pnpm.mjs';
import { stamp } from './sources.mjs';

// A declaration whose source is gone must not be published.
for (const name of readdirSync(`${root}packages`)) {
  const folder = `${root}packages/${name}/dist`;
  if (!existsSync(folder)) continue;
  for (const file of readdirSync(folder, { recursive: true })) {
    if (file.endsWith('.d.ts')) rmSync(`${folder}/${file}`);
  }
}
const { status } = spawnSync(`${root}node_modules/.bin/tsc`, ['-b', 'tsconfig.build.json', '--force'], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
});
if (status === 0) for (const name of readdirSync(`${root}packages`)) stamp(`${root}packages/${name}`, 'declarations');
process.exitCode = status ?? 1;
