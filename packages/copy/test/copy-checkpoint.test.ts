/** Checkpoints: for any content of the file, a copy is resumed where it was, or its error says why it cannot. */
import { type CheckpointStore, isNbdError } from '@nbdjs/interfaces';
import { seededRandom } from '@nbdjs/testkit';
import { expect, it } from 'vitest';
import { type CheckpointSide, CopyCheckpoint, hasCheckpoint } from '../src/index.ts';
import { ScriptedDevice } from './scripted-device.ts';

class MemoryStore implements CheckpointStore {
  readonly name = 'disk.checkpoint';
  text: string | undefined;

  async load(): Promise<string | undefined> {
    return this.text;
  }

  async save(text: string): Promise<void> {
    this.text = text;
  }

  async remove(): Promise<void> {
    this.text = undefined;
  }
}

const size = 2 ** 20;
const position = 600_064n;
// Without a map: finding holes takes this device long.
const side = (name: string): CheckpointSide => ({
  name,
  device: new ScriptedDevice({ size, abilities: { contexts: [] } }),
});
const [from, to] = [side('one.img'), side('nbd://localhost')] as const;

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
    // Another digit or letter often leaves a valid checkpoint.
    if (random() < 0.6) {
      spoilt = `${spoilt.slice(0, at)}${spoilt[at]?.replace(/\w/, () => below(36).toString(36))}${spoilt.slice(at + 1)}`;
      continue;
    }
    const word = random() < 0.5 ? words[below(words.length)] : String.fromCharCode(below(256));
    spoilt = spoilt.slice(0, at) + word + spoilt.slice(at + below(random() < 0.5 ? 3 : 40));
  }
  return spoilt;
}

it('resumes where the copy was, or refuses, for any content of the file', async () => {
  const store = new MemoryStore();
  const checkpoint = new CopyCheckpoint(store, from, to);
  await checkpoint.save(position);
  const good = store.text ?? '';
  expect(await checkpoint.resumePosition()).toBe(position);
  const random = seededRandom(7);
  const ends = { goneOn: 0, refused: 0, unknown: 0 };
  for (let number = 0; number < 1500; number++) {
    const text = spoil(good, random);
    store.text = text;
    const isOne = await hasCheckpoint(store).catch(() => false);
    try {
      const found = await checkpoint.resumePosition();
      expect(isOne && found >= 0n && found <= BigInt(size), text).toBe(true);
      ends.goneOn++;
    } catch (error) {
      if (!isNbdError(error)) throw error;
      expect(error.message, text).toMatch(
        isOne ? /^cannot go on from the checkpoint / : /is not a checkpoint of a copy, and stays unchanged$/,
      );
      expect(error.message.length, text).toBeLessThan(1000);
      if (isOne) ends.refused++;
      else ends.unknown++;
    }
    expect(store.text, 'the text is left as it is').toBe(text);
  }
  // Each outcome has come about.
  expect(Math.min(...Object.values(ends)), JSON.stringify(ends)).toBeGreaterThan(25);
});

it('begins at 0 without a checkpoint, and after it is removed', async () => {
  const store = new MemoryStore();
  const checkpoint = new CopyCheckpoint(store, from, to);
  expect(await hasCheckpoint(store)).toBe(false);
  expect(await checkpoint.resumePosition()).toBe(0n);
  await checkpoint.save(position);
  expect(await hasCheckpoint(store)).toBe(true);
  await checkpoint.remove();
  expect(await checkpoint.resumePosition()).toBe(0n);
});

it.each([
  ['was one.img, and is two.img', { name: 'two.img' }],
  ['had 1048576 bytes, and has 2097152', { device: new ScriptedDevice({ size: 2 * size }) }],
  ['is another file of the same name', { file: '1:3' }],
  ['was written to since then', { modifiedMs: 6 }],
])('refuses to go on when the source %s', async (difference, change) => {
  const store = new MemoryStore();
  const file = { ...from, file: '1:2', modifiedMs: 5 };
  await new CopyCheckpoint(store, file, to).save(position);
  const message = `cannot go on from the checkpoint disk.checkpoint: the source ${difference}; remove it to copy from the start`;
  await expect(new CopyCheckpoint(store, { ...file, ...change }, to).resumePosition()).rejects.toThrow(message);
});

it.each([0, 12_345, Number(position) - 1])('refuses to go on when a sample differs: at %d', async (place) => {
  const store = new MemoryStore();
  const other = side('nbd://localhost');
  await other.device.write(place, Uint8Array.of(1));
  await other.device.write(Number(position), Uint8Array.of(1));
  const checkpoint = new CopyCheckpoint(store, from, other);
  await checkpoint.save(position);
  await expect(checkpoint.resumePosition()).rejects.toThrow(`source and destination differ at byte ${place};`);
  await other.device.write(place, Uint8Array.of(0));
  expect(await checkpoint.resumePosition(), 'what lies behind the position does not matter').toBe(position);
});
