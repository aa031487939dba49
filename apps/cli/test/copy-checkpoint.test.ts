/** The file that a copy goes on from: whatever is in it, the copy goes on where it was or says why it cannot. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isNbdError } from '@nbdjs/interfaces';
import { createMemoryDevice } from '@nbdjs/storage';
import { seededRandom } from '@nbdjs/testkit';
import { afterAll, expect, it } from 'vitest';
import { CheckpointFile, hasCheckpoint } from '../src/commands/copy-checkpoint.ts';
import type { DeviceSide } from '../src/commands/copy-sides.ts';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-checkpoint-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'checkpoint');

const size = 2 ** 20;
const position = 600_064n;
const side = (name: string): DeviceSide => ({
  type: 'device',
  device: createMemoryDevice({ size }),
  name,
  isZero: false,
});
const [from, to] = [side('one.img'), side('nbd://localhost')] as const;
const never = new AbortController().signal;

const words = [
  '',
  '-1',
  '0',
  '99999999999999999999',
  '1e3',
  '"600064"',
  'null',
  '[]',
  '{}',
  '"',
  '\\u001b[2J',
  ',',
  ':',
];

/** Changes a piece of text somewhere, or several. */
function spoil(text: string, random: () => number): string {
  const below = (end: number): number => Math.floor(random() * end);
  let spoilt = text;
  for (let count = 1 + below(3); count > 0; count--) {
    const at = below(spoilt.length);
    // Another digit or letter leaves a checkpoint one, often enough.
    if (random() < 0.6) {
      spoilt = `${spoilt.slice(0, at)}${spoilt[at]?.replace(/\w/, () => below(36).toString(36))}${spoilt.slice(at + 1)}`;
      continue;
    }
    const word = random() < 0.5 ? words[below(words.length)] : String.fromCharCode(below(256));
    spoilt = spoilt.slice(0, at) + word + spoilt.slice(at + below(random() < 0.5 ? 3 : 40));
  }
  return spoilt;
}

it('goes on where the copy was, or not at all, whatever is in the file', async () => {
  const file = new CheckpointFile(path, from, to);
  await file.save(position);
  const good = readFileSync(path, 'utf8');
  expect(await file.position(from, to, never)).toBe(position);
  const random = seededRandom(7);
  const ends = { goneOn: 0, refused: 0, unknown: 0 };
  for (let number = 0; number < 1500; number++) {
    const text = spoil(good, random);
    writeFileSync(path, text);
    const isOne = await hasCheckpoint(path).catch(() => false);
    try {
      const found = await file.position(from, to, never);
      expect(isOne && found >= 0n && found <= BigInt(size), text).toBe(true);
      ends.goneOn++;
    } catch (error) {
      if (!isNbdError(error)) throw error;
      expect(error.message, text).toMatch(
        isOne ? /^cannot go on from the checkpoint / : /is not a checkpoint of nbd copy, and is left as it is$/,
      );
      expect(error.message.length, text).toBeLessThan(1000);
      if (isOne) ends.refused++;
      else ends.unknown++;
    }
    expect(readFileSync(path, 'utf8'), 'the file is left as it is').toBe(text);
  }
  // Each way has been gone.
  expect(Math.min(...Object.values(ends)), JSON.stringify(ends)).toBeGreaterThan(25);
});
