/** `nbd serve --fork`: a process of its own serves, and this one ends when that listens. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Terminal } from '../../terminal.ts';

/** Where the process that serves says that it listens. */
const readyDescriptor = 3;

/**
 * Runs this program's command line once more, detached from the terminal. What that prints until it listens is printed here; later notes of it
 * go nowhere. Resolves to the exit code: 0 when it listens, or its own when it has ended before.
 */
export async function serveInBackground(terminal: Terminal): Promise<number> {
  const [script = '', ...words] = process.argv.slice(1);
  const place = words.indexOf('serve') + 1;
  const told = [...words.slice(0, place), '--ready-descriptor', String(readyDescriptor), ...words.slice(place)];
  const child = spawn(process.execPath, [...process.execArgv, script, ...told], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const stop = (): boolean => child.kill('SIGTERM');
  terminal.signal.addEventListener('abort', stop, { once: true });
  child.stdout?.on('data', (part: Buffer) => terminal.stdout.write(part));
  child.stderr?.on('data', (part: Buffer) => terminal.stderr.write(part));
  try {
    const isListening = await outcomeOf(child);
    terminal.signal.throwIfAborted();
    if (!isListening) return child.exitCode ?? 1;
    // What it has printed before it said that it listens is here with the next turn, whatever the order of the pipes.
    await nextTurn();
    await nextTurn();
    return 0;
  } finally {
    terminal.signal.removeEventListener('abort', stop);
    for (const stream of child.stdio) stream?.destroy();
    child.unref();
  }
}

/** Resolves to whether the process listens; false when it has ended, and all that it printed is here. */
function outcomeOf(child: ChildProcess): Promise<boolean> {
  return new Promise((resolve, reject) => {
    (child.stdio[readyDescriptor] as Readable).once('data', () => resolve(true));
    child.once('error', reject);
    child.once('close', () => resolve(false));
  });
}

/** Says that this process listens. Does nothing without a descriptor, or when nobody waits for it any more. */
export function tellReady(descriptor: number | undefined): void {
  if (descriptor === undefined) return;
  try {
    writeSync(descriptor, '\n');
    closeSync(descriptor);
  } catch {
    // The process that started this one was ended in the meantime.
  }
}
