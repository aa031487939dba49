import { describe, expect, it } from 'vitest';
import { choose, parts } from '../src/cells/index.ts';
import { help, parseArguments } from '../src/command/arguments.ts';

describe('the options of the command', () => {
  it('measure everything if there are none', () => {
    expect(parseArguments([])).toEqual({
      parts: [],
      rounds: 5,
      seconds: 3,
      json: undefined,
      chart: undefined,
      isWritingPage: false,
      isList: false,
      isHelp: false,
      isPinned: true,
      isCountingCalls: true,
    });
  });

  it('are read', () => {
    const args =
      '--parts client,idle --rounds 9 --seconds 0.3 --json a.json --chart a.svg --write-page --no-pinning --no-calls';
    expect(parseArguments(args.split(' '))).toMatchObject({
      parts: ['client', 'idle'],
      rounds: 9,
      seconds: 0.3,
      json: 'a.json',
      chart: 'a.svg',
      isWritingPage: true,
      isPinned: false,
      isCountingCalls: false,
    });
  });

  it('have to be what they say', () => {
    expect(() => parseArguments(['--rounds', '2.5'])).toThrow("--rounds: a whole number was expected, got '2.5'");
    expect(() => parseArguments(['--seconds', 'x'])).toThrow("--seconds: a number above 0 was expected, got 'x'");
    expect(() => parseArguments(['5', '1'])).toThrow();
    expect(() => parseArguments(['--fast'])).toThrow();
  });

  it('are all in the help', () => {
    for (const name of [
      'parts',
      'rounds',
      'seconds',
      'json',
      'chart',
      'write-page',
      'no-pinning',
      'no-calls',
      'list',
    ]) {
      expect(help).toContain(`--${name}`);
    }
  });
});

describe('the parts', () => {
  it('have cells with names of their own, which begin with that of the part', () => {
    const cells = parts.flatMap(({ name, cells }) => cells.map(({ id }) => ({ name, id })));
    expect(new Set(cells.map(({ id }) => id)).size).toBe(cells.length);
    expect(cells.filter(({ name, id }) => !id.startsWith(`${name}/`))).toEqual([]);
  });

  it('have aims only against peers that they measure', () => {
    for (const cell of parts.flatMap(({ cells }) => cells)) {
      for (const { peer } of cell.aims) expect([undefined, ...cell.peers]).toContain(peer);
    }
  });

  it('are chosen by name, or by the beginning of the names of cells', () => {
    expect(choose([]).map(({ part }) => part.name)).toEqual(parts.map(({ name }) => name));
    const [choice, ...others] = choose(['client/read/4k']);
    expect(choice?.cells.map(({ id }) => id)).toEqual([
      'client/read/4k/64',
      'client/read/4k/16',
      'client/read/4k/4',
      'client/read/4k/1',
    ]);
    expect(others).toEqual([]);
    expect(() => choose(['clients'])).toThrow("--parts: a name from --list was expected, got 'clients'");
  });
});
