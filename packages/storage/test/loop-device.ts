/** Block devices over files, where this machine lets us make them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface LoopDevice {
  readonly path: string;
  /** The file below it. */
  readonly file: string;
  dispose(): void;
}

const run = (...args: string[]): string =>
  execFileSync('losetup', args, { encoding: 'utf8', timeout: 20_000, stdio: ['ignore', 'pipe', 'pipe'] }).trim();

/** Makes one with sectors of so many bytes. */
export function makeLoopDevice(size: number, sectorBytes: number): LoopDevice {
  const folder = mkdtempSync(join(tmpdir(), 'nbdjs-loop-'));
  const file = join(folder, 'file');
  try {
    writeFileSync(file, '');
    truncateSync(file, size);
    const path = run('--find', '--show', '--sector-size', String(sectorBytes), file);
    const dispose = (): void => {
      run('--detach', path);
      rmSync(folder, { recursive: true, force: true });
    };
    return { path, file, dispose };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Why none can be made: not root, no `losetup`, or a kernel or container without loop devices. */
export function whyNoLoopDevice(): string | undefined {
  try {
    makeLoopDevice(2 ** 20, 512).dispose();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
