/** The prompt: Node's own, with its completion, its history and its await. */
import { type REPLServer, start } from 'node:repl';
import { hasColours } from '../../render/colours.ts';
import type { Terminal } from '../../terminal.ts';
import type { ShellOptions } from './command.ts';
import { historyFile, historyLinesMax, keepHistory } from './history.ts';
import { valueText } from './value-text.ts';

const greeting = `At hand: client, connect(uri), nbd, storage, images, copy, load, print, hexdump.
.help says more about the prompt, .exit or Ctrl-D leaves it.
`;

/** Settles when the user leaves. @throws the signal's reason when it is aborted. */
export async function runPrompt(options: ShellOptions, terminal: Terminal): Promise<void> {
  const { signal, stdin, stdout } = terminal;
  const colours = terminal.colours('stdout', options.color);
  stdout.write(greeting);
  const server = start({
    prompt: 'nbd> ',
    input: stdin,
    output: stdout,
    terminal: stdout.isTTY === true,
    useColors: hasColours(colours),
    useGlobal: true,
    writer: (value) => valueText(value, colours),
    breakEvalOnSigint: true,
    historySize: historyLinesMax,
  } as Parameters<typeof start>[0] & object);
  const giveBack = takeInterrupts();
  const left = new Promise<void>((resolve) => {
    server.once('exit', resolve);
  });
  const onAbort = (): void => server.close();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const file = historyFile(options.history);
    if (file !== undefined) await keepHistory(server, file, (text) => terminal.note(text));
    server.displayPrompt();
    await left;
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener('abort', onAbort);
    giveBack();
    await historyFlushed(server);
  }
}

/**
 * At the prompt, Ctrl-C ends what runs, and not the program. Node's way to interrupt code ends the process where there are listeners.
 * Returns a function that restores them.
 */
function takeInterrupts(): () => void {
  const before = process.listeners('SIGINT');
  process.removeAllListeners('SIGINT');
  return () => {
    for (const listener of before) process.on('SIGINT', listener);
  };
}

/** Lines are written to the file a moment after they were typed. */
async function historyFlushed(server: REPLServer): Promise<void> {
  const { _flushing: isFlushing } = server as REPLServer & { readonly _flushing?: boolean };
  if (isFlushing === true) await new Promise<void>((resolve) => server.once('flushHistory', resolve));
}
