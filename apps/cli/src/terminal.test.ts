import { afterEach, expect, it, vi } from 'vitest';
import { processTerminal } from './terminal.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const before = signals.map((name) => process.listeners(name as NodeJS.Signals));

afterEach(() => {
  vi.restoreAllMocks();
  for (const [index, name] of signals.entries()) {
    for (const listener of process.listeners(name as NodeJS.Signals)) {
      if (before[index]?.includes(listener) !== true) process.removeListener(name, listener);
    }
  }
});

it('notes and prints also when its methods are handed around by themselves', async () => {
  const { note, print, colours } = processTerminal();
  const written: unknown[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(text) > 0);
  vi.spyOn(process.stdout, 'write').mockImplementation(((text: unknown, done: () => void) => {
    written.push(text);
    done();
    return true;
  }) as typeof process.stdout.write);
  note('a note');
  await print('a line');
  expect(colours('stderr', false).red('x')).toBe('x');
  expect(written).toEqual(['a note\n', 'a line']);
});
