/**
 * The first page and the guides, followed to the letter.
 *
 * @module-tag slow
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describePeers } from '@nbdjs/peers';
import { startS3Server } from '@nbdjs/testkit';
import { expect, it } from 'vitest';
import { blocksOf } from './support/blocks.ts';
import { GuideReader, hasPrograms, isMarked } from './support/guide-reader.ts';

const folder = new URL('../../../docs/guides/', import.meta.url);
const guides = readdirSync(folder)
  .filter((name) => name !== 'README.md')
  .map((name) => ({ name, blocks: blocksOf(readFileSync(new URL(name, folder), 'utf8')) }));
const tested = guides.filter(({ blocks }) => blocks.some(isMarked));
const start = { name: 'start.md', blocks: blocksOf(readFileSync(new URL('../start.md', folder), 'utf8')) };
const programs = ['qemu-img', 'qemu-io', 'qemu-nbd', 'nbdinfo', 'nbdcopy', 'nbdsh', 'nbdkit'] as const;

it('the list of the guides says which are tested', () => {
  const list = readFileSync(new URL('README.md', folder), 'utf8');
  const rows = [...list.matchAll(/^\| \[[^\]]+\]\(([\w-]+\.md)\) \|.*\| (✓?) ?\|$/gm)];
  expect(rows.map(([, name]) => name).sort()).toEqual(guides.map(({ name }) => name).sort());
  expect(
    rows
      .filter(([, , mark]) => mark === '✓')
      .map(([, name]) => name)
      .sort(),
  ).toEqual(tested.map(({ name }) => name).sort());
});

it('every program and every shell script says what is to be done with it', () => {
  const unmarked = [start, ...guides].flatMap(({ name, blocks }) =>
    blocks.filter((block) => !isMarked(block)).map(({ language, line }) => ({ name, line, language })),
  );
  // TypeScript is compiled by tooling/consumer; the rest is for other machines than this one.
  expect(unmarked.filter(({ language }) => !['ts', 'console', ''].includes(language))).toEqual([]);
});

describePeers('the page', programs, (generation) => {
  const possible = [start, ...tested].filter(({ blocks }) => hasPrograms(blocks, generation));

  it.each(possible)('$name', { timeout: 240_000 }, async ({ name, blocks }) => {
    await using bucket = blocks.some(({ text }) => text.includes('s3://')) ? await openBucket() : undefined;
    await using reader = new GuideReader(generation, bucket?.variables);
    for (const block of blocks.filter(isMarked)) {
      await reader.follow(block).catch((error: unknown) => {
        throw new Error(`${name}, line ${block.line}: ${error instanceof Error ? error.message : error}`);
      });
    }
  });
});

/** A small store in this process stands in for the reader's bucket. */
async function openBucket() {
  const store = await startS3Server({ bucket: 'disks' });
  const variables = {
    AWS_ENDPOINT_URL: store.endpoint,
    AWS_REGION: 'somewhere',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'secret',
  };
  return { variables, [Symbol.asyncDispose]: () => store.close() };
}
