/** `types` of every package: writes its declarations into `dist`. The bundler, which knows no types, writes the rest. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { stamp } from './sources.mjs';

// A declaration whose source is gone must not be published.
const old = existsSync('dist') ? readdirSync('dist', { recursive: true }).filter((file) => file.endsWith('.d.ts')) : [];
for (const file of old) rmSync(`dist/${file}`);
const { status } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: ['ignore', 'inherit', 'inherit'] });
if (status === 0) stamp('.', 'declarations');
process.exitCode = status ?? 1;
