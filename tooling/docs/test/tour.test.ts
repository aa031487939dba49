/**
 * docs/tour.md, followed to the letter.
 *
 * @module-tag slow
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Block, blocksOf, edited, wordValue } from './support/blocks.ts';
import { CleanupProcess } from './support/cleanup-process.ts';
import { copyTree, environment } from './support/tree-copy.ts';

const page = readFileSync(new URL('../../../docs/tour.md', import.meta.url), 'utf8');
const marked = blocksOf(page).filter(({ words }) => words.length > 0);
/** The first build of everything, on a machine that is busy with other tests. */
const blockMs = 240_000;

let tree: ReturnType<typeof copyTree>;
let cleanup: CleanupProcess;
let background: ChildProcess | undefined;
let printed = '';

beforeAll(() => {
  tree = copyTree();
  cleanup = new CleanupProcess(tree.folder);
}, blockMs);

afterAll(async () => {
  await interrupt();
  tree.remove();
  cleanup.dismiss();
});

describe('docs/tour.md', () => {
  it.each(marked.map((block) => ({ block, ...block })))(
    'line $line: $language $words',
    { timeout: blockMs },
    async ({ block }) => await follow(block),
  );

  it('leaves no change behind', () => {
    expect(marked.length).toBeGreaterThan(8);
    expect(tree.git('status', '--short')).toBe('');
  });
});

async function follow(block: Block): Promise<void> {
  const { text, words } = block;
  const file = wordValue(block, 'file');
  const edit = wordValue(block, 'edit');
  if (file !== undefined) writeFileSync(join(tree.folder, file), text);
  else if (edit !== undefined) {
    const path = join(tree.folder, edit);
    writeFileSync(path, edited(readFileSync(path, 'utf8'), text));
  } else if (words.includes('output')) expect(printed).toBe(text);
  else if (words.includes('background')) await startInBackground(text);
  else if (words.includes('run')) await run(text);
  else throw new Error(`line ${block.line}: ${words.join(' ')} means nothing`);
}

async function run(text: string): Promise<void> {
  // Before it cleans up, a reader ends what runs in the other terminal.
  if (text.includes('git restore')) await interrupt();
  const child = spawn('sh', ['-e', '-c', text], { cwd: tree.folder, env: environment, timeout: blockMs });
  const output: string[] = [];
  const errors: string[] = [];
  child.stdin.end();
  child.stdout.setEncoding('utf8').on('data', (data) => output.push(data));
  child.stderr.setEncoding('utf8').on('data', (data) => errors.push(data));
  const [code] = await once(child, 'close');
  printed = output.join('');
  expect(code, `${text}${printed}${errors.join('')}`).toBe(0);
}

async function startInBackground(text: string): Promise<void> {
  await interrupt();
  // A group of its own: a terminal's Ctrl-C reaches all of it.
  background = spawn('sh', ['-c', text], { cwd: tree.folder, env: environment, stdio: 'ignore', detached: true });
  cleanup.watch(background.pid);
}

/** Ctrl-C in the second terminal. */
async function interrupt(): Promise<void> {
  const child = background;
  background = undefined;
  if (child?.pid === undefined || child.exitCode !== null) return;
  const ended = once(child, 'exit');
  process.kill(-child.pid, 'SIGINT');
  await ended;
  cleanup.watch(undefined);
}
