/**
 * Packs everything that is published into a folder, as publishing would, for the tests that check the result:
 * `node tooling/scripts/pack.mjs FOLDER`. What it packs has to be built.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { environment, root } from './pnpm.mjs';

const folder = resolve(process.argv[2] ?? `${root}.reports/packed`);
mkdirSync(folder, { recursive: true });
for (const file of readdirSync(folder)) if (file.endsWith('.tgz')) rmSync(`${folder}/${file}`);

const { status, stdout, stderr, error } = spawnSync(
  'pnpm',
  ['--recursive', '--filter', './packages/*', '--filter', './apps/*', 'pack', '--pack-destination', folder],
  { cwd: root, env: environment, encoding: 'utf8', timeout: 120_000 },
);
if (status !== 0) {
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}\n`);
  process.exitCode = 1;
}
