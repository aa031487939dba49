/**
 * @module-tag slow
 * Disk images with the built program, whose scripts take the code of images from modules beside them.
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { builtNbd } from '@nbdjs/peers/local';
import { describe, expect, it } from 'vitest';
import { inWorkspace, workspace } from './serving.ts';

inWorkspace('bookworm');

function nbd(...argv: readonly string[]) {
  return promisify(execFile)(process.execPath, [builtNbd, ...argv], { cwd: workspace.folder, timeout: 20_000 });
}

function makeDisk(): Buffer {
  const bytes = Buffer.alloc(2 ** 20);
  for (let at = 300_000; at < 500_000; at++) bytes[at] = (at * 7) & 0xff;
  writeFileSync(workspace.hostPath('disk.raw'), bytes);
  return bytes;
}

describe('the built program', () => {
  it.each([
    ['qcow2', []],
    ['qcow2', ['--compress', 'zstd']],
    ['qcow2', ['--compress', 'deflate']],
    ['vmdk', []],
    ['vhd', []],
  ] as const)('writes and reads %s %j', async (format, options) => {
    const bytes = makeDisk();
    await nbd('copy', 'disk.raw', `disk.${format}`, ...options, '--verify');
    await nbd('copy', `disk.${format}`, 'back.raw', '--allocated');
    expect(readFileSync(workspace.hostPath('back.raw')).compare(bytes)).toBe(0);
    expect((await nbd('info', `disk.${format}`)).stdout).toContain(`format: ${format}`);
    expect((await nbd('compare', 'disk.raw', `disk.${format}`)).stdout).toMatch(/identical/);
    expect((await nbd('dump', `disk.${format}`, '--offset', '300000', '--length', '16')).stdout).toContain('000493e0');
  });

  it('creates, checks and maps qcow2 images', async () => {
    await nbd('create', 'new.qcow2', '1M');
    expect((await nbd('check-image', 'new.qcow2')).stdout).toMatch(/^the image is right\n/);
    expect((await nbd('map', '--list', 'new.qcow2')).stdout).toMatch(/1048576/);
  });
});
