/** `nbd copy --apply`: puts a file of changes onto a copy that holds the backup before. */
import { stat } from 'node:fs/promises';
import {
  applyChanges,
  type ChangesEntry,
  type ChangesStart,
  CopyState,
  checkChanges,
  compareChanges,
  readChanges,
} from '@nbdjs/copy';
import type { BlockDevice } from '@nbdjs/interfaces';
import { createCheckpointFile } from '@nbdjs/storage';
import { openWritable } from '../../connecting/open-writable.ts';
import { argumentError } from '../../errors/argument-error.ts';
import { describeOperand, type Operand, type ReadableOperand } from '../../options/operand.ts';
import type { Progress } from '../../render/progress.ts';
import type { Terminal } from '../../terminal.ts';
import { requireApplicable } from './apply-conflicts.ts';
import { backupIn, changesIn, sha256 } from './backup.ts';
import { type ByteSource, byteSource, descriptorOf } from './byte-streams.ts';
import type { CopyOptions } from './command.ts';
import { createProgress } from './progress.ts';
import { reportJson } from './report.ts';
import { withRetries } from './retries.ts';
import { requireSame } from './verify.ts';

/** Where changes come from. */
interface ChangesSource {
  readonly name: string;
  /** What can be read twice is checked before anything is written. */
  readonly isRepeatable: boolean;
  read(): AsyncIterable<ChangesEntry>;
  /** Ends a wait for bytes. */
  close(): void;
}

/** Returns the exit code. */
export async function apply(
  source: Operand,
  destination: Operand,
  options: CopyOptions,
  terminal: Terminal,
): Promise<number> {
  requireApplicable(source, destination, options);
  const changes = await openChanges(source, terminal);
  if (options.verify === true && !changes.isRepeatable) {
    throw argumentError('--verify: what comes as a stream cannot be read again');
  }
  const onAbort = (): void => changes.close();
  terminal.signal.addEventListener('abort', onAbort, { once: true });
  try {
    const total = changes.isRepeatable ? await check(changes, options, terminal) : undefined;
    if (destination.type === 'null') {
      if (total === undefined) await checkChanges(changes.read());
      return 0;
    }
    await applyTo(destination as ReadableOperand, changes, total, options, terminal);
    return 0;
  } catch (error) {
    throw terminal.signal.aborted ? terminal.signal.reason : error;
  } finally {
    terminal.signal.removeEventListener('abort', onAbort);
    changes.close();
  }
}

async function openChanges(source: Operand, terminal: Terminal): Promise<ChangesSource> {
  const path = source.type === 'file' ? source.path : undefined;
  const fd = path === undefined ? 0 : descriptorOf(path);
  if (path !== undefined && fd === undefined && (await stat(path).catch(() => undefined))?.isFile() !== false) {
    return { name: path, isRepeatable: true, read: () => changesIn(path), close() {} };
  }
  const stream: ByteSource = await byteSource(fd ?? (path as string), terminal);
  return {
    name: path ?? '-',
    isRepeatable: false,
    read: () => readChanges(stream.bytes, sha256),
    close: () => stream.close(),
  };
}

/** Returns how many bytes there are to apply. @throws as `readChanges` does. */
async function check(changes: ChangesSource, options: CopyOptions, { signal }: Terminal): Promise<bigint> {
  const { start, end } = await checkChanges(untilAborted(changes.read(), signal));
  await requireFollowing(start, changes.name, options);
  return end.dataBytes + end.zeroBytes;
}

async function* untilAborted(entries: AsyncIterable<ChangesEntry>, signal: AbortSignal): AsyncGenerator<ChangesEntry> {
  for await (const entry of entries) {
    signal.throwIfAborted();
    yield entry;
  }
}

/** @throws UsageError for changes that do not follow what the copy is said to hold. */
async function requireFollowing(start: ChangesStart, name: string, { after, state }: CopyOptions): Promise<void> {
  if (state !== undefined) {
    await stateAt(state).requireFits(start);
    return;
  }
  if (start.isFull || start.parent === undefined) return;
  if (after === undefined) {
    const how = 'say which one the copy holds: --after FILE (changes or a state), or --state FILE';
    throw argumentError(`${name}: these changes follow the backup ${start.parent}; ${how}`);
  }
  const held = await backupIn(after);
  if (held === start.parent) return;
  throw argumentError(`${name}: these changes follow the backup ${start.parent}, and ${after} is ${held}`);
}

function stateAt(path: string): CopyState {
  return new CopyState(createCheckpointFile(path));
}

async function applyTo(
  destination: ReadableOperand,
  changes: ChangesSource,
  totalBytes: bigint | undefined,
  options: CopyOptions,
  terminal: Terminal,
): Promise<void> {
  const { device: opened, leave } = await openWritable(destination, options, terminal);
  await using _ = leave;
  const device = withRetries(opened, options, terminal);
  const progress = createProgress(options, terminal, 'applying');
  try {
    const startMs = performance.now();
    const { report, start } = await write(changes, device, totalBytes, options, terminal, progress);
    if (options.verify === true) {
      progress.verifying();
      const onProgress = totalled(progress, totalBytes);
      requireSame(await compareChanges(changes.read(), device, { signal: terminal.signal, onProgress }));
    }
    if (options.state !== undefined) await stateAt(options.state).complete(start.id);
    progress.finish(true);
    if (options.json !== true) return;
    const { id, parent } = start;
    const names = { source: changes.name, destination: describeOperand(destination), id, parent };
    await terminal.print(reportJson(names, report, options, (performance.now() - startMs) / 1000));
  } catch (error) {
    progress.finish(false);
    throw error;
  }
}

async function write(
  changes: ChangesSource,
  device: BlockDevice,
  totalBytes: bigint | undefined,
  options: CopyOptions,
  terminal: Terminal,
  progress: Progress,
) {
  const { requests, requestSize, queueSize: queueBytesMax, synchronous, sparse: sparseSize, allocated } = options;
  const transfer = { requests, requestSize, queueBytesMax, synchronous, sparseSize, allocated };
  let begun: ChangesStart | undefined;
  const before = async (start: ChangesStart): Promise<void> => {
    // What was checked before may be another file by now.
    await requireFollowing(start, changes.name, options);
    if (options.state !== undefined) {
      const state = stateAt(options.state);
      await state.load();
      await state.begin(start.id);
    }
    begun = start;
  };
  try {
    const settings = { ...transfer, flush: true, signal: terminal.signal, onProgress: totalled(progress, totalBytes) };
    const report = await applyChanges(changes.read(), device, settings, before);
    return { report, start: begun as ChangesStart };
  } catch (error) {
    if (begun !== undefined) {
      terminal.note('nbd: the destination is a mixture of two backups now: apply the same changes once more');
    }
    throw error;
  }
}

function totalled(progress: Progress, totalBytes: bigint | undefined) {
  return ({ doneBytes }: { readonly doneBytes: bigint }) => progress.update({ doneBytes, totalBytes });
}
