/** Defects that other copying tools had, each under the name that it became known by. */
import { describe, expect, it } from 'vitest';
import { copyDevice } from '../src/index.ts';
import { ScriptedDevice } from './scripted-device.ts';

const size = 1024 * 1024;
const content = new Uint8Array(size).fill(7);

describe('CVE-2022-0485: a read that fails makes the copy fail, and writes nothing in its place', () => {
  it.each([0, 1, 7])('the read number %d', async (index) => {
    for (const turns of [undefined, () => 2]) {
      const source = new ScriptedDevice({ size, content, turns, fail: { command: 'read', index } });
      const target = new ScriptedDevice({ size, content: new Uint8Array(size).fill(0xee), turns });
      const copying = copyDevice([source], [target], { requestSize: 65_536 });
      await expect(copying).rejects.toThrow(/read/);
      // Each byte is the source's or what was there before, and none is a zero that was not read from the source.
      expect(target.content.every((byte) => byte === 7 || byte === 0xee)).toBe(true);
      expect(target.content.includes(0xee)).toBe(true);
    }
  });

  it.each(['write', 'blockStatus'])('and so does a %s', async (command) => {
    const source = new ScriptedDevice({
      size,
      content,
      ...(command === 'blockStatus' && { fail: { command, index: 0 } }),
    });
    const target = new ScriptedDevice({ size, ...(command === 'write' && { fail: { command, index: 1 } }) });
    const copying = copyDevice([source], [target], { requestSize: 65_536 });
    if (command === 'write') await expect(copying).rejects.toThrow(/writ/);
    else {
      // Without a map everything is read.
      await copying.catch(() => {});
      expect(target.content.every((byte) => byte === 7 || byte === 0)).toBe(true);
    }
  });
});

it('nbdkit 1.44.1: a long stretch of zeroes is zeroed to its end where the target cannot do so by itself', async () => {
  const length = 130 * 1024 * 1024;
  const source = new ScriptedDevice({ size: length, content: new Uint8Array(length) });
  const target = new ScriptedDevice({
    size: length,
    content: new Uint8Array(length).fill(1),
    abilities: { writeZeroes: false },
  });
  await copyDevice([source], [target]);
  expect(target.content.indexOf(1)).toBe(-1);
}, 60_000);
