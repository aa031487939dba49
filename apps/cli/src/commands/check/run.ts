/** `nbd check`: examines a server, and prints what it finds. */
import { writeFile } from 'node:fs/promises';
import { type ExaminationReport, examineServer, type Finding, ruleTexts, toJUnit } from '@nbdjs/examiner';
import { isConfirmed } from '../../confirmation.ts';
import { withTls } from '../../connecting/client-tls.ts';
import { examinedServer } from '../../connecting/examined-server.ts';
import { argumentError } from '../../errors/argument-error.ts';
import { systemErrorOf } from '../../errors/one-line.ts';
import type { Brackets } from '../../options/argv.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { describeOperand, parseServer, type ServerOperand } from '../../options/operand.ts';
import {
  examinationHead,
  examinationJson,
  examinationTail,
  groupText,
  ruleListJson,
  ruleListText,
} from '../../render/examination.ts';
import type { Terminal } from '../../terminal.ts';
import type { CheckOptions } from './command.ts';

/** Exit code when a MUST is broken. */
const exitBroken = 2;

export async function run(
  { terminal, brackets }: CommandContext,
  options: CheckOptions,
  words: string[],
): Promise<number> {
  if (options.client === true) {
    const { checkClient } = await import('./run-client.ts');
    return await checkClient(terminal, options, words);
  }
  return await checkServer(terminal, options, serverOf(words, brackets));
}

function serverOf([word, ...others]: readonly string[], brackets: Brackets): ServerOperand | undefined {
  if (others.length > 0) throw argumentError(`one server at a time: '${others[0]}' is one too many`);
  return word === undefined ? undefined : parseServer(word, brackets);
}

async function checkServer(
  terminal: Terminal,
  options: CheckOptions,
  operand: ServerOperand | undefined,
): Promise<number> {
  const { json: isJson = false, destructive = false } = options;
  if (options.list === true) {
    await terminal.print(isJson ? ruleListJson(ruleTexts) : ruleListText(ruleTexts));
    return 0;
  }
  if (operand === undefined) throw argumentError('a server is missing: an NBD URI, or [ COMMAND ARGUMENTS ]');
  const server = await examinedServer(withTls(operand, options), options);
  if (destructive) {
    const question = `The content of ${describeOperand(operand)} will be lost. Go on?`;
    if (options.yes !== true) await requireConsent(terminal, question);
  }
  const printer = isJson ? undefined : new Printer(terminal, options);
  const report = await examineServer(server, {
    only: options.only,
    destructive,
    risky: options.risky === true,
    timeoutMs: 1000 * options.timeout,
    signal: terminal.signal,
    onFinding: (finding) => printer?.add(finding),
  });
  await printer?.end(report);
  if (isJson) await terminal.print(examinationJson(report));
  if (options.junit !== undefined) await writeJUnit(options.junit, report);
  if (report.counts.broken > 0) return exitBroken;
  if (report.problem === undefined) return 0;
  // Without the export, most of what was asked for could not be examined.
  terminal.note(`nbd: ${report.problem}; only the rules of the handshake were examined`);
  return 1;
}

/** Prints a group of rules as soon as it is complete. */
class Printer {
  readonly #terminal: Terminal;
  readonly #options: CheckOptions;
  #group: Finding[] = [];
  #printed: Promise<void> = Promise.resolve();

  constructor(terminal: Terminal, options: CheckOptions) {
    this.#terminal = terminal;
    this.#options = options;
  }

  add(finding: Finding): void {
    if (this.#group[0]?.rule.group !== finding.rule.group) this.#flush();
    this.#group.push(finding);
  }

  async end(report: ExaminationReport): Promise<void> {
    this.#flush();
    const colours = this.#terminal.colours('stdout', this.#options.color);
    this.#print(examinationHead(report) + examinationTail(report, colours));
    await this.#printed;
  }

  #flush(): void {
    if (this.#group.length === 0) return;
    const colours = this.#terminal.colours('stdout', this.#options.color);
    this.#print(groupText(this.#group, colours, this.#options.verbose === true));
    this.#group = [];
  }

  #print(text: string): void {
    if (text === '') return;
    this.#printed = this.#printed.then(() => this.#terminal.print(text));
    // It is awaited at the end.
    this.#printed.catch(() => {});
  }
}

async function writeJUnit(file: string, report: ExaminationReport): Promise<void> {
  try {
    await writeFile(file, toJUnit(report));
  } catch (error) {
    throw systemErrorOf(file, error);
  }
}

/** @throws UsageError when the answer is not yes, or when there is no terminal to ask at. */
async function requireConsent(terminal: Terminal, question: string): Promise<void> {
  const refusal = `${question} There is no terminal to ask at: -y (--yes) says so`;
  // A question that is not seen is not answered.
  if (terminal.stderr.isTTY !== true) throw argumentError(refusal);
  if (await isConfirmed(terminal, `nbd: ${question} [y/N] `, refusal)) return;
  throw argumentError('nothing was done: the answer was not yes');
}
