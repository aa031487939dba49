import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCheckpointFile } from '../src/index.ts';

describe('a checkpoint file', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nbdjs-checkpoint-'));
    path = join(folder, 'checkpoint');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('keeps the last text, and nothing else in its folder', async () => {
    const file = createCheckpointFile(path);
    expect(file.name).toBe(path);
    expect(await file.load()).toBeUndefined();
    await file.save('one');
    await file.save('two');
    expect(await file.load()).toBe('two');
    expect(readFileSync(path, 'utf8')).toBe('two');
    expect(readdirSync(folder)).toEqual(['checkpoint']);
    await file.remove();
    await file.remove();
    expect(await file.load()).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('replaces a longer file that was left half written', async () => {
    writeFileSync(`${path}.new`, 'left by a run that was killed');
    await createCheckpointFile(path).save('short');
    expect(readFileSync(path, 'utf8')).toBe('short');
    expect(readdirSync(folder)).toEqual(['checkpoint']);
  });

  it('P1: leaves nothing behind when it cannot be saved', async () => {
    // A folder cannot be replaced by a file.
    mkdirSync(path);
    const error = await createCheckpointFile(path)
      .save('text')
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      message: `the checkpoint ${path} cannot be saved: illegal operation on a directory`,
      code: 'EISDIR',
      syscall: 'rename',
    });
    expect(existsSync(`${path}.new`)).toBe(false);
    await expect(createCheckpointFile(path).load()).rejects.toMatchObject({ code: 'EISDIR' });
  });

  it('keeps the text before when a new one cannot be written', async () => {
    const file = createCheckpointFile(path);
    await file.save('one');
    mkdirSync(`${path}.new`);
    await expect(file.save('two')).rejects.toThrow(`the checkpoint ${path} cannot be saved: `);
    expect(await file.load()).toBe('one');
  });
});
