/** docs/options-of-others.md has every option that the programs themselves list. */
import { type Generation, generationsWith, type Program, peersRequired, runPeer } from '@nbdjs/peers';
import { describe, expect, it } from 'vitest';
import { optionsIn, type PeerTool, peerTools, rowsOf, spellingsOf, titleOf } from '../src/peer-options/all.ts';

/** What a program lists, by all the ways in which it does. */
async function listed(tool: PeerTool, generation: Generation): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const args of tool.listings ?? []) {
    const { stdout, stderr } = await runPeer(tool.name as Program, generation, args);
    const text = `${stdout}${stderr}`;
    texts.push(tool.listingPart === undefined ? text : (tool.listingPart.exec(text)?.[0] ?? ''));
  }
  return optionsIn(texts.join('\n')).filter((word) => tool.notOptions?.includes(word) !== true);
}

const [runnable, read] = [true, false].map((isRun) =>
  peerTools.filter(({ listings }) => (listings !== undefined) === isRun),
);

describe('a program that no generation has', () => {
  it.each((read ?? []).map((tool) => [titleOf(tool), tool] as const))(
    'is in no row said to have been run: %s',
    (_, tool) => {
      const rows = rowsOf(tool).filter(({ verdict, since = tool.since }) => verdict === 'same' || since === undefined);
      expect(rows.map(({ option }) => option)).toEqual([]);
      expect(generationsWith([tool.name as Program])).toEqual([]);
    },
  );
});

for (const tool of runnable ?? []) {
  const generations = generationsWith([tool.name as Program]);
  describe.runIf(generations.length > 0 || peersRequired())(titleOf(tool), () => {
    it('has a row for each option that it lists, and says since when where that differs', async () => {
      const lists = await Promise.all(generations.map((generation) => listed(tool, generation)));
      expect(lists.length).toBeGreaterThan(0);
      // An empty list would be a listing that failed.
      for (const list of lists) expect(list).not.toEqual([]);
      const known = new Set(tool.options.flatMap(spellingsOf));
      expect(lists.flat().filter((word) => !known.has(word))).toEqual([]);
      const undated = tool.options.filter(
        (row) =>
          row.since === undefined &&
          row.isUnlisted !== true &&
          !lists.every((list) => list.includes(spellingsOf(row)[0] ?? '')),
      );
      expect(undated.map(({ option }) => option)).toEqual([]);
      const wronglyUntried = tool.options.filter(
        (row) => row.verdict === 'same by its manual' && lists.some((list) => list.includes(spellingsOf(row)[0] ?? '')),
      );
      expect(wronglyUntried.map(({ option }) => option)).toEqual([]);
    });
  });
}
