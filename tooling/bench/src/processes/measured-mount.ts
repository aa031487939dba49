/** Programs that mount a file, and the end of their mounts. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type MeasuredProgram, type ServerCost, startMeasured } from './measured-server.ts';
import type { Pinning } from './pinning.ts';

/** How long a mount may take to be there, and to be gone, in milliseconds. */
const limitMs = 20_000;

export interface MeasuredMount extends AsyncDisposable {
  readonly cost: ServerCost;
}

/**
 * Makes a folder, starts a program that mounts something there, and waits for the mount. Its end is that of the mount, also where the program does
 * not end in time.
 *
 * @throws Error when there is no mount in time
 */
export async function startMount(
  folder: string,
  command: readonly [string, ...string[]],
  pinning: Pinning,
): Promise<MeasuredMount> {
  mkdirSync(folder);
  const program = await startMeasured(command, pinning, () => untilMounted(folder));
  const end = () => endMount(folder, program);
  if (!isMounted(folder)) {
    await end();
    throw new Error(`${command.join(' ')} has mounted nothing within ${limitMs} ms`);
  }
  return { cost: program.cost, [Symbol.asyncDispose]: end };
}

async function endMount(folder: string, { kill, exited }: MeasuredProgram): Promise<void> {
  unmount(folder);
  const timeOut = new AbortController();
  await Promise.race([exited, delay(limitMs, undefined, { signal: timeOut.signal }).catch(() => {})]);
  timeOut.abort();
  kill('SIGKILL');
  await exited;
  if (isMounted(folder)) unmount(folder);
}

/** Frees the folder at once; the program ends when the last file is closed. */
function unmount(folder: string): void {
  spawnSync('fusermount3', ['-u', '-z', folder], { timeout: limitMs });
}

/** Settles when there is a mount, or when it is too late. */
async function untilMounted(folder: string): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!isMounted(folder) && performance.now() < endMs) await delay(20);
}

/** Looks at the kernel's list, and not at the folder: whoever looks into a mount waits for its program. */
function isMounted(folder: string): boolean {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[1] === folder);
}
