import type { BlockDevice } from '@nbdjs/interfaces';
import { createMemoryDevice } from '@nbdjs/storage';
import { seededRandom } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { ExtensionType, extensionText } from '../src/qcow2/header-extensions.ts';
import {
  commitQcow2,
  createQcow2,
  emptyQcow2,
  openWritableQcow2,
  readQcow2Header,
  rebaseQcow2,
  setQcow2Backing,
} from '../src/qcow2/index.ts';
import { CrashedFile, CrashFile, ReadableImage } from './support/crash-file.ts';
import { deviceOf, filled } from './support/memory-images.ts';

async function namesOf(file: BlockDevice): Promise<string> {
  const { backingName, extensions } = await readQcow2Header(file);
  return `${backingName?.slice(0, 20)} ${extensionText(extensions, ExtensionType.BackingFormat)}`;
}

describe('the name of the image below', () => {
  const names = [
    { name: 'a', format: 'raw' },
    { name: `b${'/long'.repeat(60)}`, format: 'qcow2' },
    undefined,
    { name: `c${'/longer'.repeat(100)}`, format: 'qcow2' },
    { name: `d${'/longer'.repeat(120)}`, format: 'raw' },
    { name: 'e', format: 'a-format-with-a-long-name' },
    { name: `f${'/long'.repeat(100)}`, format: 'qcow2' },
  ];

  it.each([4096, 65_536])(
    'is the old one or the new one after a cut at any moment: clusters of %d bytes',
    async (clusterBytes) => {
      const file = new CrashFile();
      await createQcow2(file, { size: 2 ** 20, clusterBytes, backing: 'first', backingFormat: 'raw' });
      const random = seededRandom(clusterBytes);
      const crashed = new CrashedFile(await file.bytes());
      file.steps.length = 0;
      let before = await namesOf(file);
      for (let round = 0; round < 30; round++) {
        await setQcow2Backing(file, names[round % names.length]);
        const after = await namesOf(file);
        expect(after).not.toBe(before);
        for (const step of file.steps.splice(0)) {
          crashed.add(step);
          for (let cut = 0; cut < 4; cut++) {
            await crashed.after(random, async ({ bytes }) => {
              expect([before, after]).toContain(await namesOf(new ReadableImage(bytes)));
            });
          }
        }
        before = after;
      }
    },
  );

  it('that does not fit is refused, and the old one stays', async () => {
    const file = new CrashFile();
    await createQcow2(file, { size: 2 ** 20, clusterBytes: 512, backing: 'first', backingFormat: 'raw' });
    const long = { name: 'x'.repeat(600), format: 'raw' };
    await expect(setQcow2Backing(file, long)).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
    await expect(setQcow2Backing(file, { ...long, name: 'x'.repeat(1024) })).rejects.toThrow(/1023 or fewer/);
    expect(await namesOf(file)).toBe('first raw');
  });
});

describe('an image over another', () => {
  async function open(below = deviceOf(filled(2 ** 20, 1))) {
    const file = createMemoryDevice({ size: 0 });
    await createQcow2(file, { size: 2 ** 20, backing: 'below', backingFormat: 'raw' });
    return { below, image: await openWritableQcow2(file, { resolve: () => below }) };
  }

  it('is committed only into what can be written, and is long enough', async () => {
    const { image, below } = await open();
    const { abilities } = below;
    const fixed = Object.assign(Object.create(below), { abilities: { ...abilities, readOnly: true } });
    await expect(commitQcow2(image, fixed)).rejects.toMatchObject({ code: 'ERR_NBD_READ_ONLY' });
    const short = {
      ...deviceOf(filled(4096, 1)),
      geometry: { ...below.geometry, size: 4096n },
      resizing: undefined,
      abilities,
    };
    await expect(commitQcow2(image, short)).rejects.toThrow(/the one below 4096 and cannot grow/);
    await expect(emptyQcow2(below)).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
  });

  it('tells how far it has come, and ends with the signal', async () => {
    const { image, below } = await open();
    await image.write(65_536, filled(65_536, 7));
    await image.writeZeroes(262_144, 65_536);
    const told: number[] = [];
    expect(await commitQcow2(image, below, { onProgress: (done) => told.push(done) })).toEqual({
      copiedBytes: 65_536,
      zeroedBytes: 65_536,
    });
    expect(told.at(-1)).toBe(2 ** 20);
    expect(told).toEqual(told.toSorted((one, other) => one - other));
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(commitQcow2(image, below, { signal })).rejects.toThrow('enough');
    await expect(rebaseQcow2(image, undefined, { signal })).rejects.toThrow('enough');
  });

  it('writes no more than what differs', async () => {
    const { image } = await open();
    const next = filled(2 ** 20, 1);
    next.fill(2, 300_000, 300_001);
    expect(await rebaseQcow2(image, deviceOf(next))).toBe(65_536);
    expect(await rebaseQcow2(image, deviceOf(next))).toBe(0);
  });
});
