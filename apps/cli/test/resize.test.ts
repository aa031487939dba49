/** `nbd resize`, and servers that allow it. */
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { nbd, nbdWith } from './harness.ts';
import { inWorkspace, serve, workspace } from './serving.ts';

inWorkspace('bookworm');

const mebi = 2 ** 20;
const at = (name: string): string => workspace.hostPath(name);
const done = { code: 0, stdout: '', stderr: '' };

function typing(text: string): PassThrough & { isTTY: boolean } {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  stdin.write(text);
  return stdin;
}

it('changes the size of an export, and asks before it makes it shorter', async () => {
  writeFileSync(at('disk.img'), Buffer.alloc(mebi, 7));
  const uri = (await serve('--resizable', at('disk.img')))();
  expect(await nbd('resize', uri, '+1M')).toEqual(done);
  expect(readFileSync(at('disk.img')).equals(Buffer.concat([Buffer.alloc(mebi, 7), Buffer.alloc(mebi)]))).toBe(true);
  const silent = Object.assign(new PassThrough(), { isTTY: false });
  const refused = await nbdWith({ stdin: silent }, 'resize', uri, '4k');
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain(
    `4096 bytes long, so that bytes 4096 to ${2 * mebi - 1} are lost for ever: there is no terminal`,
  );
  const no = await nbdWith({ stdin: typing('n\n') }, 'resize', uri, '4k');
  expect(no).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/are lost for ever \(y\/N\)\?.*nbd: nothing was changed\n$/s),
  });
  expect(statSync(at('disk.img')).size).toBe(2 * mebi);
  expect((await nbdWith({ stdin: typing('y\n') }, 'resize', uri, '4k')).code).toBe(0);
  expect(statSync(at('disk.img')).size).toBe(4096);
  const { stdout } = await nbd('resize', '--yes', '--json', uri, '1k');
  expect(JSON.parse(stdout)).toEqual({ before: 4096, after: 1024 });
});

it('changes images, files and disks in stores', async () => {
  expect((await nbd('create', at('disk.qcow2'), '4M')).code).toBe(0);
  expect(await nbd('resize', at('disk.qcow2'), '6M')).toEqual(done);
  expect((await nbd('info', '--size', at('disk.qcow2'))).stdout).toBe(`${6 * mebi}\n`);
  writeFileSync(at('raw.img'), '');
  truncateSync(at('raw.img'), mebi);
  expect(await nbd('resize', '-y', at('raw.img'), '512k')).toEqual(done);
  expect(statSync(at('raw.img')).size).toBe(mebi / 2);
  const disk = `folder:${at('store')}#disk`;
  expect((await nbd('objects', 'create', disk, '8M')).code).toBe(0);
  expect(await nbd('resize', disk, '9M')).toEqual(done);
  const { stdout } = await nbd('resize', '--json', disk, '9M');
  expect(JSON.parse(stdout)).toEqual({ before: 9 * mebi, after: 9 * mebi });
});

it('says why not', async () => {
  writeFileSync(at('disk.img'), Buffer.alloc(mebi));
  const uri = (await serve(at('disk.img')))();
  expect((await nbd('resize', uri, '2M')).stderr).toBe(
    `nbd: ${uri} cannot be resized: the server does not offer the resize extension for this export\n`,
  );
  expect((await nbd('resize', at('disk.img'), 'x')).stderr).toContain("'x' is not a size such as");
  expect((await nbd('resize', at('disk.img'), '--', '-1M')).stderr).toContain('say how long it is to be');
  expect((await nbd('resize', '--partition', '1', at('disk.img'), '1M')).stderr).toContain('only whole disks');
});

it('serve --resizable refuses what has a fixed size', async () => {
  writeFileSync(at('disk.img'), Buffer.alloc(mebi));
  const serving = (...words: string[]) => nbd('serve', '--socket', at('s'), '--resizable', ...words);
  expect((await serving('--read-only', at('disk.img'))).stderr).toContain('is read-only');
  expect((await serving('--snapshot', at('disk.img'))).stderr).toMatch(/--resizable: the size of .*disk.img is fixed/);
  expect((await serving('--threads', '2', at('disk.img'))).stderr).toContain(
    '--resizable changes the size that one thread knows',
  );
});
