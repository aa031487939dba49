/** What docs/options-of-others.md calls ours is there. */
import { Command } from '@commander-js/extra-typings';
import { type PeerOption, peerTools, rowsOf, titleOf } from '@nbdjs/docs/peer-options';
import { describe, expect, it } from 'vitest';
import type { AddCommand } from '../src/command-line.ts';
import { prepareArguments } from '../src/options/argv.ts';
import { register } from '../src/program.ts';
import { silentTerminal } from './harness.ts';

/** By command, such as `copy` or `objects create`: its options in all spellings, the hidden ones too. */
const declared = new Map<string, ReadonlySet<string>>([['', new Set(['--help', '-h', '--version', '-V'])]]);
const add: AddCommand = (command, _load, family) => {
  const name = family === undefined ? command.name() : `${family.name()} ${command.name()}`;
  const flags = command.options.flatMap(({ long, short }) => [long, short]).filter((flag) => typeof flag === 'string');
  declared.set(name, new Set([...flags, '--help', '-h']));
};
const print = (): void => {};
register(add, { terminal: silentTerminal().terminal, brackets: [], print, program: new Command() });

/** The option that is parsed where this one is written: some letters stand for a long one. */
function parsedFlag(command: string, flag: string): string {
  return (prepareArguments([command, flag]).words[1] ?? flag).replace(/=.*/, '');
}

/** What is wrong with the words that a row calls ours. */
function faultsOf(ours: string): readonly string[] {
  let command: string | undefined;
  return ours.split(', ').flatMap((part) => {
    const words = part.split(' ');
    if (words[0] === 'nbd') {
      words.shift();
      const [name, member] = words;
      command = [`${name} ${member}`, `${name}`, ''].find((one) => declared.has(one)) ?? '';
      words.splice(0, command === '' ? 0 : command.split(' ').length);
    }
    if (command === undefined) return [`'${part}' is of no command`];
    const options = declared.get(command);
    const flags = words.filter((word) => /^--?[A-Za-z]/.test(word)).map((word) => word.replace(/=.*/, ''));
    return flags
      .filter((flag) => options?.has(parsedFlag(command ?? '', flag)) !== true)
      .map((flag) => `nbd ${command} has no ${flag}`);
  });
}

describe('the table of options of others', () => {
  it.each(peerTools.map((tool) => [titleOf(tool), tool] as const))('names only what is there: %s', (_, tool) => {
    const faults = rowsOf(tool).flatMap(({ option, ours }: PeerOption) =>
      ours === undefined ? [] : faultsOf(ours).map((fault) => `${option}: ${fault}`),
    );
    expect(faults).toEqual([]);
    expect(tool.ours.flatMap(faultsOf)).toEqual([]);
  });

  it('has each row once', () => {
    for (const tool of peerTools) {
      const names = rowsOf(tool).map(({ option }) => option);
      expect(names).toEqual([...new Set(names)]);
    }
  });

  it('finds what is not there', () => {
    expect(faultsOf('nbd copy -C N, --no-such N')).toEqual(['nbd copy has no --no-such']);
    expect(faultsOf('nbd nothing --size')).toEqual(['nbd  has no --size']);
    expect(faultsOf('--size')).toEqual(["'--size' is of no command"]);
  });
});
