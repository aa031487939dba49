/** `nbd check --client`: runs a client's command against servers that are odd or break rules. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClientEnd, type ClientRun, examineClient, scenarioTexts } from '@nbdjs/examiner';
import { listen } from '@nbdjs/transport';
import { argumentError } from '../../errors/argument-error.ts';
import {
  clientReportJson,
  clientReportText,
  scenarioFindingText,
  scenarioListJson,
  scenarioListText,
} from '../../render/client-examination.ts';
import type { Terminal } from '../../terminal.ts';
import type { CheckOptions } from './command.ts';

/** Exit code when a MUST is broken. */
const exitBroken = 2;

/** So much of what the client complains about is kept. */
const complaintCharactersMax = 4096;

/** What the name of the server is put in for. */
const placeholders = /\{uri\}|\$\{?uri\}?/g;

export async function checkClient(
  terminal: Terminal,
  options: CheckOptions,
  words: readonly string[],
): Promise<number> {
  const { json: isJson = false } = options;
  if (options.list === true) {
    await terminal.print(isJson ? scenarioListJson(scenarioTexts) : scenarioListText(scenarioTexts));
    return 0;
  }
  const [program, ...rest] = words;
  if (program === undefined) throw argumentError('--client: the command of the client is missing, behind --');
  if (!words.some((word) => new RegExp(placeholders).test(word))) {
    throw argumentError('--client: the command has to name the server: {uri} (or $uri) stands for its URI');
  }
  const colours = terminal.colours('stdout', options.color);
  const folder = mkdtempSync(join(tmpdir(), 'nbd-check-'));
  let printed: Promise<void> = Promise.resolve();
  try {
    let serial = 0;
    const report = await examineClient(
      async (run) => {
        const path = join(folder, `${++serial}`);
        const uri = `nbd+unix:///?socket=${path}`;
        const listener = await listen({ type: 'unix', path }, (channel) => void run.accept(channel));
        try {
          return await runProgram(
            program,
            rest.map((word) => word.replaceAll(placeholders, uri)),
            uri,
            run,
          );
        } finally {
          await listener.close();
        }
      },
      {
        only: options.only,
        timeoutMs: 1000 * options.timeout,
        signal: terminal.signal,
        onFinding: (finding) => {
          if (isJson) return;
          printed = printed.then(() => terminal.print(scenarioFindingText(finding, colours)));
          printed.catch(() => {});
        },
      },
    );
    await printed;
    await terminal.print(isJson ? clientReportJson(words, report) : clientReportText(report, colours));
    const isBroken = report.counts.broken > 0 || report.violations.some(({ level }) => level === 'MUST');
    return isBroken ? exitBroken : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runProgram(program: string, words: readonly string[], uri: string, { signal }: ClientRun): Promise<ClientEnd> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, uri };
    // A group of its own, so that what the program starts is ended with it.
    const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'], env, detached: true });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-complaintCharactersMax);
    });
    const onAbort = (): void => endGroup(child);
    signal.addEventListener('abort', onAbort, { once: true });
    const settle = (): void => signal.removeEventListener('abort', onAbort);
    child.once('error', (error: NodeJS.ErrnoException) => {
      settle();
      const reason = error.code === 'ENOENT' ? 'there is no such program' : error.message;
      reject(argumentError(`--client: ${program}: ${reason}`, { cause: error }));
    });
    child.once('close', (code, signalName) => {
      settle();
      const lastLine = complaint.trim().split('\n').at(-1)?.trim();
      resolve({ code: code ?? undefined, signal: signalName ?? undefined, complaint: lastLine });
    });
  });
}

function endGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
