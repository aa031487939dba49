/** The parts of `nbd shell` that need no server. */
import { describe, expect, it } from 'vitest';
import { coloursFor } from '../../render/colours.ts';
import { historyFile } from './history.ts';
import { Opened } from './opened.ts';
import { printedText, valueText } from './value-text.ts';

const plain = coloursFor({}, false);

it('the lines of the prompt are kept where the user says, or where programs keep their state', () => {
  const home = { XDG_STATE_HOME: '/state' };
  expect(historyFile(undefined, home)).toBe('/state/nbd/history');
  expect(historyFile(undefined, { ...home, NBD_SHELL_HISTORY: 'mine' })).toBe('mine');
  expect(historyFile('other', { ...home, NBD_SHELL_HISTORY: 'mine' })).toBe('other');
  expect(historyFile('', home)).toBeUndefined();
  expect(historyFile(undefined, { NBD_SHELL_HISTORY: '' })).toBeUndefined();
  expect(historyFile(undefined, { XDG_STATE_HOME: 'relative' })).toMatch(/^\/.*\/\.local\/state\/nbd\/history$/);
});

describe('values', () => {
  it('are bytes as a dump, which the prompt cuts', () => {
    const line = '0000000000: 68 65 6c 6c 6f 00 00 00                          |hello...        |';
    const bytes = Buffer.from('hello\0\0\0');
    expect(printedText(bytes, plain)).toBe(line);
    expect(valueText(bytes, plain)).toBe(`Buffer(8)\n${line}`);
    const long = valueText(new Uint8Array(1000).fill(7), plain);
    expect(long).toMatch(/^Uint8Array\(1000\)\n/);
    expect(long).toMatch(/\n\.\.\. 744 more bytes: hexdump\(\) shows all$/);
  });

  it('are texts and numbers as they are when a program prints them', () => {
    expect([printedText('a', plain), printedText(12n, plain), printedText([12n], plain)]).toEqual([
      'a',
      '12',
      '[ 12n ]',
    ]);
    expect(valueText(Promise.resolve(), plain)).toBe('a promise: write await before it');
    expect(valueText(new TypeError('no\nway'), plain)).toBe('TypeError: no way');
  });
});

it('what modules open is closed at the end, the last first, and what fails or hangs holds up nothing', async () => {
  const closed: string[] = [];
  const make = (name: string, close: () => unknown = () => {}) => ({
    close: () => {
      closed.push(name);
      return close();
    },
    destroy: () => void closed.push(`${name} destroyed`),
  });
  class Kept {}
  const opened = new Opened();
  const module = opened.keepingModule({
    Kept,
    limit: 5,
    open: async (name: string) => make(name),
    wrap: (name: string, close: () => unknown) => make(name, close),
  });
  expect(module.Kept).toBe(Kept);
  expect(module.limit).toBe(5);
  await module.open('first');
  module.wrap('fails', () => Promise.reject(new Error('no')));
  module.wrap('hangs', () => new Promise(() => {}));
  await opened.close();
  expect(closed).toEqual(['hangs', 'hangs destroyed', 'fails', 'first']);
});
