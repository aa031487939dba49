/** The code of the READMEs and of the pages in docs, copied into a project that has what the README says to install: it compiles, and it runs. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect } from '@nbdjs/client';
import { transform } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assumed } from './support/assumed.ts';
import { type DiskServer, startDiskServer } from './support/disk-server.ts';
import { cannotInstall, projects } from './support/installed.ts';
import { blocks, pages, readmes, root } from './support/readmes.ts';

const all = [...readmes, ...pages].flatMap((readme) =>
  blocks(readme).map((text, index) => ({ readme, text, number: index + 1 })),
);
const runnable = all.filter(({ readme, number }) => assumed[`${readme} ${number}`]?.notRun === undefined);
const timeout = 30_000;

let server: DiskServer;

beforeAll(async () => {
  server = await startDiskServer();
  for (const { readme, text, number } of all) {
    const before = assumed[`${readme} ${number}`]?.before ?? '';
    writeFileSync(join(projects, readme, `block-${number}.ts`), server.translate(`${before}\n${text}\nexport {};\n`));
    // Examples read and write files beside them.
    writeFileSync(join(projects, readme, 'disk.img'), new Uint8Array(4096));
  }
});

afterAll(() => server.close());

describe.skipIf(cannotInstall)('the code of the READMEs', () => {
  it('compiles as strict TypeScript, with all declarations checked', { timeout: 120_000 }, async () => {
    const options = {
      target: 'ES2022',
      lib: ['ES2023', 'ESNext.Disposable'],
      module: 'NodeNext',
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmitOnError: false,
      outDir: 'out',
      rootDir: 'projects',
      types: ['node'],
      typeRoots: [`${root}node_modules/@types`],
    };
    writeFileSync(
      join(projects, '../tsconfig.json'),
      JSON.stringify({ compilerOptions: options, include: ['projects/**/*.ts'] }),
    );
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { stdout } = await run([tsc, '-p', '.'], join(projects, '..')).catch((error) => error);
    expect(stdout).toBe('');
  });

  it.each(runnable)('runs: $readme, block $number', { timeout: 60_000 }, async ({ readme, number }) => {
    const compiled = join(projects, '../out', readme, `block-${number}.js`);
    const script = join(projects, readme, `block-${number}.js`);
    writeFileSync(script, readFileSync(compiled));
    if (`${readme} ${number}` === 'server 1') await useServer(script);
    else expect(await run([script], join(projects, readme))).toMatchObject({ stderr: '' });
  });

  // Those of interfaces are about types.
  it.each(readmes.filter((name) => name !== 'interfaces'))(
    'begins with an example that needs no compiler, not even on Node 20: %s',
    async (readme) => {
      const [first = ''] = blocks(readme);
      // It has run above, compiled; here its source is read.
      await transform(first, { loader: 'js' });
      expect(first).not.toContain('await using');
    },
  );
});

/** Runs Node without any of our conditions; rejects when it ends with another code than 0. */
async function run(args: readonly string[], cwd: string): Promise<{ stdout: string; stderr: string }> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  return await promisify(execFile)(process.execPath, args, { cwd, env, timeout });
}

/** Runs a server of an example, asks it for an export, and has it end in good order. */
async function useServer(script: string): Promise<void> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'inherit'], timeout });
  const ended = once(child, 'exit');
  const [uri] = await once(child.stdout.setEncoding('utf8'), 'data');
  const disk = await connect(uri.trim(), { delivery: 'inline' });
  await disk.write(0, Uint8Array.of(1, 2, 3));
  expect(await disk.readBytes(0, 4)).toEqual(Uint8Array.of(1, 2, 3, 0));
  await disk.close();
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
}
