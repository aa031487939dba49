/** Where the lines of the prompt are kept. */
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import type { REPLServer } from 'node:repl';

/** Lines that are kept. */
export const historyLinesMax = 1000;

/** Returns the file, or `undefined` for none. An empty name means none. */
export function historyFile(
  option: string | undefined,
  environment: NodeJS.ProcessEnv = process.env,
): string | undefined {
  const { NBD_SHELL_HISTORY, XDG_STATE_HOME } = environment;
  const wanted = option ?? NBD_SHELL_HISTORY;
  if (wanted !== undefined) return wanted === '' ? undefined : wanted;
  // The specification of these folders has relative ones ignored.
  const state =
    XDG_STATE_HOME !== undefined && isAbsolute(XDG_STATE_HOME) ? XDG_STATE_HOME : join(homedir(), '.local/state');
  return join(state, 'nbd/history');
}

/** Reads the lines, and keeps those to come. Where that is not possible, the prompt works without. */
export async function keepHistory(server: REPLServer, file: string, note: (text: string) => void): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await new Promise<void>((resolve, reject) => {
      server.setupHistory(file, (error) => (error === null ? resolve() : reject(error)));
    });
  } catch (error) {
    note(`nbd: the lines of the prompt are not kept: ${error instanceof Error ? error.message : error}`);
  }
}
