/** Help, manual pages and docs: what they say comes from one declaration, and is true. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command, CommandUnknownOpts, OptionValues } from '@commander-js/extra-typings';
import { describe, expect, it } from 'vitest';
import { type AddCommand, runCommandLine } from '../src/command-line.ts';
import { allPages, type ManualPage, pageName } from '../src/manual/page.ts';
import { roffPage } from '../src/manual/roff.ts';
import { register } from '../src/program.ts';
import { nbd, silentTerminal } from './harness.ts';

async function pageOf(...words: string[]): Promise<ManualPage> {
  const { stdout } = await nbd('manual', '--format', 'json', ...words);
  return JSON.parse(stdout);
}

const program = await pageOf();
const pages = allPages(program);

/** Runs a command line up to the command itself, which does nothing here. Resolves to what was wrong with it. */
async function faultsOf(argv: readonly string[]): Promise<string> {
  const { terminal, printed } = silentTerminal();
  await runCommandLine(argv, terminal, {
    register: (add, context) => {
      const addIdle: AddCommand = <A extends unknown[], O extends OptionValues>(
        command: Command<A, O>,
        _load: unknown,
        family?: CommandUnknownOpts,
      ) => add<A, O>(command, async () => ({ run: async () => 0 }), family);
      register(addIdle, context);
    },
    runAlone: async () => 0,
  });
  return printed();
}

/** The command lines of nbd within a line for a shell. */
function commandLines(line: string): readonly (readonly string[])[] {
  return (
    line
      .split(/ && | \| /)
      .filter((part) => part.startsWith('nbd '))
      .map((part) => part.replace(/ > .*/, ''))
      .map((part) => [...part.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word).slice(1))
      // Some commands look whether a file is there.
      .map((argv) => argv.map((word) => (word === 'disk.qcow2' ? import.meta.filename : word)))
  );
}

describe('the manual', () => {
  it('has examples for every command, and words that help has no room for', () => {
    expect(pages.filter(({ examples, details }) => examples.length === 0 || details.length === 0)).toEqual([]);
  });

  it.each(pages.flatMap(({ examples }) => examples.map(({ line }) => line)))('has a true example: %s', async (line) => {
    expect(commandLines(line)).not.toEqual([]);
    for (const argv of commandLines(line)) expect(await faultsOf(argv)).toBe('');
  });

  it('finds an example that is not true', async () => {
    expect(await faultsOf(['copy', '--no-such-option', 'a', 'b'])).toContain("unknown option '--no-such-option'");
    expect(await faultsOf(['hash'])).toContain("missing required argument 'device'");
  });

  it('names all options that help shows', async () => {
    for (const page of pages) {
      const { stdout } = await nbd(...page.name.split(' ').slice(1), '--help');
      const flags = [...stdout.matchAll(/^ {2}((?:-\w, )?--[\w-]+)/gm)].map(([, flag]) => flag);
      expect(page.options.map((option) => option.flags.replace(/ [<[].*/, '')).sort()).toEqual(flags.sort());
    }
  });

  it('refuses commands that are not there', async () => {
    expect(await nbd('manual', 'objects', 'crate')).toMatchObject({
      code: 1,
      stderr: "nbd: there is no command 'objects crate'\n",
    });
    expect((await nbd('manual', '--directory', 'd', 'copy')).stderr).toContain('leave out their names');
  });
});

describe('the forms of a page', () => {
  it('are text within 80 columns, but for lines to copy', async () => {
    const { stdout } = await nbd('manual', 'create');
    expect(stdout).toMatch(/^Usage: nbd create \[options\] <file> \[size\]\n/);
    const prose = stdout.slice(0, stdout.indexOf('\nExamples:'));
    expect(prose.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('are files with the names that man(1) looks for, which the package announces', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nbd-manual-'));
    try {
      expect(await nbd('manual', '--format', 'man', '--directory', folder)).toMatchObject({ code: 0, stderr: '' });
      const names = pages.map((page) => `${pageName(page)}.1`).sort();
      expect(readdirSync(folder).sort()).toEqual(names);
      const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
      expect(manifest.man).toEqual(names.map((name) => `./dist/man/${name}`));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('keep what would be a macro, a font or another sign in roff', () => {
    const line = `.x 'y' a\\b -c ~d ^e \`f\``;
    const page = { ...program, name: 'nbd x', commands: [], details: [line], notes: [], options: [], arguments: [] };
    const [, text] = /\.SH DESCRIPTION\n\.PP\n(.*)\n/.exec(roffPage(page, '1.0.0')) ?? [];
    expect(text).toBe('\\&.x \\(aqy\\(aq a\\eb \\-c \\(tid \\(hae \\(gaf\\(ga');
  });
});
