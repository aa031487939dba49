/** The surroundings of the program: streams, signals, colours. One object, so that tests can replace it. */
import { systemReason } from './errors/one-line.ts';
import type { Colours } from './render/colours.ts';
import { coloursFor } from './render/colours.ts';

export interface Terminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Aborted by SIGINT, SIGTERM and SIGHUP, and when the reader of the output is gone. */
  readonly signal: AbortSignal;
  /** From now on SIGHUP calls this instead. Returns a function that undoes it. */
  onHangup(listener: () => void): () => void;
  /** From now on neither SIGHUP nor a terminal that is gone ends the program. */
  outliveHangups(): void;
  /** Prints on standard output; settles when the text is out. */
  print(text: string | Uint8Array): Promise<void>;
  /** Prints a line on standard error. */
  note(text: string): void;
  colours(stream: 'stdout' | 'stderr', wanted?: boolean | undefined): Colours;
}

/** Why the program has to stop. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  /** The conventional exit code: 128 plus the signal's number. */
  readonly exitCode: number;

  constructor(signalName: string, number: number) {
    super(`interrupted by ${signalName}`);
    this.exitCode = 128 + number;
  }
}

const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Ends an interrupted process that does not end by itself, because a reader does not read, say. Exiting would wait for such a
 * write; dying of the signal does not.
 */
export function endByForce({ exitCode }: Interrupted): void {
  for (const name of Object.keys(signals)) process.removeAllListeners(name);
  process.kill(process.pid, exitCode - 128);
  process.exit(exitCode);
}

/** The process's own terminal. The first signal ends the program in order, a second one at once. */
export function processTerminal(): Terminal {
  const abort = new AbortController();
  const hangups = new Set<() => void>();
  for (const [name, number] of Object.entries(signals)) {
    process.on(name, () => {
      if (name === 'SIGHUP' && hangups.size > 0) {
        for (const listener of hangups) listener();
        return;
      }
      if (abort.signal.aborted) process.exit(128 + number);
      abort.abort(new Interrupted(name, number));
    });
  }
  let outlivesHangups = false;
  let isWatched = false;
  let isStderrWatched = false;
  /** Messages may get lost; but a terminal that is gone counts as a hang-up, even if SIGHUP is used for something else. */
  const onStderrError = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'EIO' && !outlivesHangups) abort.abort(new Interrupted('SIGHUP', signals.SIGHUP));
  };
  const onError = (error: NodeJS.ErrnoException): void => {
    // `nbd dump ... | head` is no failure: the reader has seen enough.
    if (error.code === 'EPIPE') abort.abort(new Interrupted('a closed pipe', 13));
    else abort.abort(outputError(error));
  };
  // Methods are handed around by themselves, too.
  const terminal: Terminal = {
    // The first access to one of Node's streams makes its pipe non-blocking, also for other programs that have it, such as the one
    // that has started us and writes there. So it is not touched before there is something to print.
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      if (!isWatched) process.stdout.on('error', onError);
      isWatched = true;
      return process.stdout;
    },
    get stderr() {
      if (!isStderrWatched) process.stderr.on('error', onStderrError);
      isStderrWatched = true;
      return process.stderr;
    },
    signal: abort.signal,
    onHangup(listener) {
      hangups.add(listener);
      return () => hangups.delete(listener);
    },
    outliveHangups() {
      outlivesHangups = true;
      // Other listeners are called as before.
      hangups.add(() => {});
    },
    print(text) {
      return new Promise((resolve, reject) => {
        terminal.stdout.write(text, (error) => (error ? reject(outputError(error)) : resolve()));
      });
    },
    note(text) {
      terminal.stderr.write(`${text}\n`);
    },
    colours(stream, wanted) {
      return coloursFor(stream === 'stdout' ? terminal.stdout : terminal.stderr, wanted);
    },
  };
  return terminal;
}

/** The system's error of writing, with a name, which the system does not know. */
function outputError(error: NodeJS.ErrnoException): Error {
  const named = new Error(`standard output: ${systemReason(error)}`, { cause: error });
  return Object.assign(named, { code: error.code, syscall: error.syscall });
}
