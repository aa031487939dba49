import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '@nbdjs/interfaces';
import { afterAll, describe, expect, it } from 'vitest';
import { readTextFile } from './text-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-text-'));
const pipe = join(folder, 'pipe');
const limits = { bytesMax: 1000, pipeMs: 5000 };

execFileSync('mkfifo', [pipe]);
afterAll(() => rmSync(folder, { recursive: true }));

describe('short text files', () => {
  it('F32: pipes give what is written to them, in parts too', () => {
    const writer = spawn('sh', ['-c', '(printf open; sleep 0.2; printf " sesame\\n") > "$0"', pipe], {
      stdio: 'ignore',
    });
    expect(readTextFile(pipe, limits)).toBe('open sesame\n');
    writer.kill();
  });

  it('F32: pipes without a writer are an error after a time', () => {
    expect(() => readTextFile(pipe, { ...limits, pipeMs: 30 })).toThrow(
      `${pipe}: it is a pipe, and no data came from it for 30 ms`,
    );
  });

  it('F32: pipes whose writer pauses are an error after a time', () => {
    const writer = spawn('sh', ['-c', 'exec sleep 60 > "$0"', pipe], { stdio: 'ignore' });
    try {
      expect(() => readTextFile(pipe, { ...limits, pipeMs: 300 })).toThrow(UsageError);
    } finally {
      writer.kill();
    }
  });

  it('are never read beyond the limit, whether or not their length is known', () => {
    const long = join(folder, 'long');
    writeFileSync(long, 'x'.repeat(1001));
    expect(() => readTextFile(long, limits)).toThrow('it has 1001 bytes, at most 1000 are read');
    expect(() => readTextFile('/dev/zero', limits)).toThrow('it has more than 1000 bytes, which are not read');
  });

  it('are whole', () => {
    const file = join(folder, 'file');
    writeFileSync(file, 'ä'.repeat(500));
    expect(readTextFile(file, limits)).toBe('ä'.repeat(500));
  });
});
