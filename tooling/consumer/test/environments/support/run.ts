/** Runs programs as a user would, with nothing of ours in their environment. */
import { execFile } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { promisify } from 'node:util';

const timeoutMsDefault = 120_000;

export interface Where {
  readonly cwd: string;
  /** Variables besides the usual ones. */
  readonly env?: Readonly<Record<string, string>>;
  /** How long it may take, in milliseconds. @default two minutes */
  readonly timeoutMs?: number;
  /** The program that `node` is; by default the one that runs the tests. */
  readonly node?: string;
}

/** Returns what it printed; rejects, with that, when it ends with another code than 0 or takes too long. */
export async function run(
  [program = '', ...args]: readonly string[],
  { cwd, env = {}, node = process.execPath, timeoutMs = timeoutMsDefault }: Where,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const options = { cwd, env: { ...userEnvironment(node), ...env }, timeout: timeoutMs, maxBuffer: 64 * 2 ** 20 };
  try {
    return await promisify(execFile)(program === 'node' ? node : program, args, options);
  } catch (error) {
    const { message, stdout = '', stderr = '' } = error as { message: string; stdout?: string; stderr?: string };
    throw new Error(`${message}\n${stdout}${stderr}`.trim());
  }
}

/** npm, pnpm and the test runner leave variables behind, which would change what is tried; where packages come from is kept. */
function userEnvironment(node: string): Record<string, string | undefined> {
  const kept = Object.entries(process.env).filter(
    ([name]) =>
      /^(HOME|TMPDIR|LANG|USER)$/.test(name) ||
      /_proxy$/i.test(name) ||
      /^(NODE_EXTRA_CA_CERTS|npm_config_(registry|cache|userconfig))$/i.test(name),
  );
  return { ...Object.fromEntries(kept), PATH: `${dirname(node)}${delimiter}${process.env.PATH}`, NO_COLOR: '1' };
}
