/** `nbd shell`: servers and packages in JavaScript, at a prompt or in scripts. */
import type { CommandContext } from '../../options/command-context.ts';
import { describeOperand, type ServerOperand } from '../../options/operand.ts';
import type { Terminal } from '../../terminal.ts';
import type { ShellOptions } from './command.ts';
import { type Code, codeOf, codeOfFile, evaluate, readCode } from './evaluate.ts';
import { clientGlobals, commonGlobals, defineGlobals, negotiationGlobals } from './globals.ts';
import { Opened } from './opened.ts';
import { runPrompt } from './prompt.ts';
import { ShellServers } from './servers.ts';

export async function run(
  { terminal }: CommandContext,
  options: ShellOptions,
  files: readonly string[] = [],
): Promise<number> {
  const codes = await codesOf(options, files, terminal);
  const opened = new Opened();
  const servers = new ShellServers(options, terminal, opened);
  const undo: (() => void)[] = [];
  try {
    undo.push(defineGlobals(await commonGlobals(servers, opened, terminal, options.color)));
    if (options.uri !== undefined) undo.push(defineGlobals(await serverGlobals(options.uri, options, servers)));
    if (codes === undefined) await runPrompt(options, terminal);
    else for (const code of codes) await evaluate(code, terminal.signal);
    return 0;
  } finally {
    await opened.close();
    for (const restore of undo.reverse()) restore();
  }
}

/** What is to be run; `undefined` for the prompt. */
async function codesOf(
  { command = [] }: ShellOptions,
  files: readonly string[],
  terminal: Terminal,
): Promise<Code[] | undefined> {
  if (command.length === 0 && files.length === 0) {
    return terminal.stdin.isTTY ? undefined : [codeOf([await readCode(terminal.stdin)], 'standard input')];
  }
  const parts: string[] = [];
  for (const part of command) parts.push(part === '-' ? await readCode(terminal.stdin) : part);
  const scripts: Code[] = [];
  for (const file of files) {
    scripts.push(file === '-' ? codeOf([await readCode(terminal.stdin)], 'standard input') : codeOfFile(file));
  }
  return [...(parts.length > 0 ? [codeOf(parts, '-c')] : []), ...scripts];
}

async function serverGlobals(
  server: ServerOperand,
  { open: isOpened, optionMode }: ShellOptions,
  servers: ShellServers,
): Promise<Readonly<Record<string, unknown>>> {
  const uri = describeOperand(server);
  if (!isOpened) return { uri };
  if (optionMode === true) return { uri, ...negotiationGlobals(await servers.openNegotiation(server), servers) };
  return { uri, ...clientGlobals(await servers.open(server)) };
}
