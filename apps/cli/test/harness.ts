/** Running the command line in tests. */
import { type Readable, Writable } from 'node:stream';
import { nbdCommand, type RunOptions, type RunResult, runCommandLine } from '@nbdjs/peers/local';
import { expect } from 'vitest';
import { run } from '../src/program.ts';
import { coloursFor } from '../src/render/colours.ts';
import type { Terminal } from '../src/terminal.ts';

export { nbdCommand };

class Capture extends Writable {
  readonly parts: Buffer[] = [];
  readonly isTTY = false;
  readonly #hear: (text: string) => void;

  constructor(hear: (text: string) => void = () => {}) {
    super();
    this.#hear = hear;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.parts.push(Buffer.from(chunk));
    this.#hear(chunk.toString());
    done();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.parts);
  }
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process. */
export async function nbd(...argv: string[]): Promise<Outcome> {
  return nbdWith({}, ...argv);
}

/** Runs a command line that has to succeed without a word on standard error. Returns its output. */
export async function succeed(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await nbd(...words);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** Runs a command line that has to fail, without a stack. Returns what it says. */
export async function failure(...words: readonly string[]): Promise<string> {
  const { code, stderr } = await nbd(...words);
  expect(code).toBe(1);
  expect(stderr).not.toMatch(/\n\s+at /);
  return stderr;
}

export interface RunWith {
  readonly signal?: AbortSignal;
  /** Standard input, in place of that of the tests. */
  readonly stdin?: Readable & { readonly isTTY?: boolean };
  /** Called with what is printed on standard output, at once. */
  readonly hear?: (text: string) => void;
  /** The same for standard error. */
  readonly hearErrors?: (text: string) => void;
  /** Called with a function that simulates SIGHUP, while the command handles that signal. */
  readonly hangUps?: Set<() => void>;
}

export async function nbdWith(
  { signal, stdin, hear, hearErrors, hangUps }: RunWith,
  ...argv: string[]
): Promise<Outcome> {
  const stdout = new Capture(hear);
  const stderr = new Capture(hearErrors);
  const code = await run(argv, terminalOf(stdout, stderr, { signal, stdin, hangUps }));
  return { code, stdout: stdout.bytes.toString(), stderr: stderr.bytes.toString() };
}

/** A terminal, and a function that returns all that was printed on it. */
export function silentTerminal(): { readonly terminal: Terminal; readonly printed: () => string } {
  const output = new Capture();
  return { terminal: terminalOf(output, output, {}), printed: () => output.bytes.toString() };
}

function terminalOf(
  stdout: Capture,
  stderr: Capture,
  {
    signal,
    stdin,
    hangUps = new Set(),
  }: { readonly [Key in 'signal' | 'stdin' | 'hangUps']?: RunWith[Key] | undefined },
): Terminal {
  return {
    stdin: (stdin ?? process.stdin) as NodeJS.ReadStream,
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: stderr as unknown as NodeJS.WriteStream,
    signal: signal ?? new AbortController().signal,
    onHangup: (listener) => {
      hangUps.add(listener);
      return () => hangUps.delete(listener);
    },
    outliveHangups: () => {},
    print: (text) =>
      new Promise((resolve, reject) => {
        stdout.write(text, (error) => (error ? reject(error) : resolve()));
      }),
    note: (text) => void stderr.write(`${text}\n`),
    colours: (stream, wanted) => coloursFor(stream === 'stdout' ? stdout : stderr, wanted),
  };
}

/** Runs a command line as a process of its own, as a shell would. */
export function spawnNbd(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return runCommandLine(nbdCommand(...argv), options);
}
