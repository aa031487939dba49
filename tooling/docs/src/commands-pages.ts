/** `docs/commands`: a page for each command of `nbd`, from the same declarations as its help and its manual pages. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { markdownTable } from './markdown-table.ts';
import { root, type TextFile } from './repository.ts';

const folder = 'docs/commands/';

/** What the list of the pages needs of `nbd manual --format json`. */
interface CommandFacts {
  readonly name: string;
  readonly summary: string;
  readonly exitCodes: readonly (readonly [code: number, meaning: string])[];
  readonly commands: readonly CommandFacts[];
}

const head = `# Commands

What \`nbd COMMAND --help\` and \`man nbd-COMMAND\` say, as pages. \`pnpm generate\` writes them from the declarations of the commands, from which
help, manual pages and the completion of shells are made, too; \`pnpm check\` fails when they differ. The [README](../../apps/cli/README.md) explains
more, with what the commands print.
`;

/** The program prints the pages; it is run from its source. */
export function commandsPages(): readonly TextFile[] {
  const target = mkdtempSync(join(tmpdir(), 'nbd-commands-'));
  try {
    manual('--format', 'markdown', '--directory', target);
    const pages = readdirSync(target).sort();
    const program = JSON.parse(manual('--format', 'json')) as CommandFacts;
    return [
      { path: `${folder}README.md`, text: listPage(program) },
      ...pages.map((name) => ({ path: `${folder}${name}`, text: readFileSync(join(target, name), 'utf8') })),
    ];
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}

function manual(...words: readonly string[]): string {
  const hook = `${root}tooling/vitest/typescript-hook.mjs`;
  const start = ['--conditions=@nbdjs/source', '--import', hook, `${root}apps/cli/src/main.ts`, 'manual'];
  return execFileSync(process.execPath, [...start, ...words], { encoding: 'utf8', timeout: 60_000 });
}

/** All commands, and what their exit codes mean. */
export function listPage(program: CommandFacts): string {
  const commands = program.commands.flatMap(withMembers);
  const general = new Map(program.exitCodes);
  const special = commands.flatMap(({ name, exitCodes }) =>
    exitCodes
      .filter(([code, meaning]) => general.get(code) !== meaning)
      .map(([code, meaning]) => [name, code, meaning]),
  );
  return [
    head,
    markdownTable(
      ['command', 'what it does'],
      [program, ...commands].map(({ name, summary }) => [`[${name}](${name.replaceAll(' ', '-')}.md)`, summary]),
    ),
    '\n## Exit codes\n',
    markdownTable(['code', 'meaning'], [...general]),
    '\nSome commands answer a question by them:\n',
    markdownTable(['command', 'code', 'meaning'], special),
    '',
  ].join('\n');
}

function withMembers(command: CommandFacts): readonly CommandFacts[] {
  return [command, ...command.commands.flatMap(withMembers)];
}
