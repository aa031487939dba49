/** `nbd copy`: between servers, files and streams of all kinds. Meanings are nbdcopy's. */
import { type CopyReport, hasCheckpoint } from '@nbdjs/copy';
import { createCheckpointFile } from '@nbdjs/storage';
import { withTls } from '../../connecting/client-tls.ts';
import type { CommandContext } from '../../options/command-context.ts';
import type { Operand } from '../../options/operand.ts';
import type { Progress } from '../../render/progress.ts';
import type { Terminal } from '../../terminal.ts';
import { apply } from './apply.ts';
import { type BackupOrigin, backupMembers, beginBackup, newBackup } from './backup.ts';
import type { CopyOptions } from './command.ts';
import { requireNoDeviceOptions, requireNoTerminal, requirePossible } from './conflicts.ts';
import type { CopyJob } from './copy-job.ts';
import { openConnections } from './open-connections.ts';
import { createProgress } from './progress.ts';
import { noteConnections, noteIdleOptions, noteMapFailures, notePlan, printReport } from './report.ts';
import type { UsedConnections } from './side.ts';
import { Sides } from './sides.ts';
import { ThreadCount } from './thread-count.ts';
import { transfer } from './transfer.ts';
import { verify } from './verify.ts';

/** A copy that is interrupted has this long to save how far it has come, in milliseconds. */
const lastCheckpointMs = 600;

export async function run(
  { terminal }: CommandContext,
  options: CopyOptions,
  givenSource: Operand,
  givenDestination: Operand,
): Promise<number> {
  const operands = [givenSource, givenDestination];
  const source = withTls(givenSource, options, operands);
  const destination = withTls(givenDestination, options, operands);
  if (options.apply === true) return await apply(source, destination, options, terminal);
  requirePossible(source, destination, options);
  requireNoTerminal(destination, terminal);
  const { checkpoint } = options;
  const backup = await newBackup(source, options.after);
  const isResumed = checkpoint !== undefined && (await hasCheckpoint(createCheckpointFile(checkpoint)));
  const sides = new Sides({ ...options, backup }, isResumed, terminal);
  const stopWatching = endOnAbort(sides, options, terminal);
  try {
    await copy(source, destination, sides, { ...options, backup }, terminal);
    return 0;
  } finally {
    stopWatching();
    sides.destroy();
    await sides.close().catch(() => {});
  }
}

async function copy(
  source: Operand,
  destination: Operand,
  sides: Sides,
  options: CopyOptions & { readonly backup: BackupOrigin },
  terminal: Terminal,
): Promise<void> {
  const count = new ThreadCount(options, source, destination);
  const from = await sides.openSource(source);
  count.opened(from);
  if (from.type === 'stream') requireNoDeviceOptions(options);
  const to = await sides.openDestination(destination, from);
  if (to.type === 'stream') requireNoDeviceOptions(options);
  count.opened(to);
  const threads = count.count(from);
  const connections = openConnections(from, to, options, threads);
  const onMapFailure = noteMapFailures(options, terminal);
  const used: UsedConnections[] = [];
  const onThreadDone = (one: UsedConnections): void => void used.push(one);
  const joined = { source, destination, from, to, threads, connections };
  const job: CopyJob = { ...joined, options, terminal, onMapFailure, onThreadDone };
  notePlan(job);
  noteIdleOptions(job);
  const state = await beginBackup(options.state, options.backup.id);
  const progress = createProgress(options, terminal);
  try {
    const startMs = performance.now();
    const report = await transferAndVerify(job, progress);
    noteConnections(job, used);
    await sides.close();
    await state?.complete(options.backup.id);
    progress.finish(true);
    if (options.json === true) {
      await printReport(job, report, (performance.now() - startMs) / 1000, backupMembers(to, options));
    }
  } catch (error) {
    progress.finish(false);
    throw terminal.signal.aborted ? terminal.signal.reason : error;
  }
}

async function transferAndVerify(job: CopyJob, progress: Progress): Promise<Partial<CopyReport>> {
  const report = await transfer(job, progress);
  if (job.options.verify === true) {
    progress.verifying();
    await verify(job, progress);
  }
  return report;
}

/**
 * Ends the copy when the program is interrupted. Requests in flight end with their connections; aborting each of them would cost a
 * copy of the data. Returns a function that ends the watch.
 */
function endOnAbort(sides: Sides, { checkpoint }: CopyOptions, { signal }: Terminal): () => void {
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    const end = (): void => sides.destroy(signal.reason);
    if (checkpoint === undefined) end();
    else timer = setTimeout(end, lastCheckpointMs);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  return () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  };
}
