/** Copies the bytes from one side to the other. */
import {
  type CheckpointSide,
  CopyCheckpoint,
  type CopyReport,
  type CopyShare,
  copyDevice,
  copyFromStream,
  copyInThreads,
  copyToStream,
  type CopyOptions as TransferOptions,
} from '@nbdjs/copy';
import { createCheckpointFile } from '@nbdjs/storage';
import type { Progress } from '../../render/progress.ts';
import type { ByteTarget } from './byte-streams.ts';
import { type CopyJob, type PlainTransferOptions, plainTransferOptions, sharedTransferOptions } from './copy-job.ts';
import { startCopyThread } from './copy-threads.ts';
import { fileIdentity } from './file-sides.ts';
import type { DeviceSide, StreamSource, TargetSide } from './side.ts';

/** Copies what the job says. Returns what was done, as far as that is known. */
export async function transfer(job: CopyJob, progress: Progress): Promise<Partial<CopyReport>> {
  const { from, to } = job;
  const options = transferOptions(job, progress);
  if (from.type === 'device' && to.type === 'device') return await transferDevice(job, from, to, options);
  if (from.type === 'stream' && to.type === 'device') {
    const report = await copyFromStream(from.source.bytes, to.device, options);
    await to.settleSize?.(report.totalBytes);
    return report;
  }
  let report: Partial<CopyReport> = from.type === 'device' ? { totalBytes: from.device.geometry.size } : {};
  if (to.type === 'image' && from.type === 'device') {
    const { signal } = job.terminal;
    const { sparse: sparseSize, changed } = job.options;
    const reading = { ...sharedTransferOptions(job, progress), sparseSize, changed };
    report = (await to.write(from.device, { flush: options.flush === true, signal, progress, reading })) ?? report;
  } else if (to.type === 'stream') {
    const { target } = to;
    if (from.type === 'device') report = await copyToStream(from.device, (chunk) => target.write(chunk), options);
    else await transferStream(from, target, progress, job.terminal.signal);
    await target.end();
    if (options.flush === true) await target.flush?.();
  }
  return report;
}

function transferOptions(job: CopyJob, progress: Progress): TransferOptions {
  const { to } = job;
  const grow = to.type === 'device' ? to.grow : undefined;
  return { ...sharedTransferOptions(job, progress), ...threadTransferOptions(job), grow };
}

/** The options that each thread of the copy has. */
function threadTransferOptions(job: CopyJob): PlainTransferOptions {
  const { to, options, threads } = job;
  const { allocated, changed, destinationIsZero, flush, retries, checkpoint, sparse, verify } = options;
  const canFlush = to.type === 'device' && to.device.abilities.flush;
  // What one connection has written, another one sees for sure only after a flush.
  const isReadByOthers = verify === true && threads > 1;
  return {
    ...plainTransferOptions(job),
    sparseSize: sparse,
    changed,
    allocated,
    targetIsZero: destinationIsZero === true || (to.type === 'device' && to.isZero),
    // Only a flush shows whether a server whose connection was lost has kept what it had acknowledged, and a disk what it was given.
    flush:
      flush === true || (canFlush && (retries > 0 || checkpoint !== undefined || isReadByOthers || isBlockDevice(to))),
  };
}

function isBlockDevice(to: TargetSide): boolean {
  return to.type === 'device' && to.stats?.isBlockDevice() === true;
}

async function transferDevice(
  job: CopyJob,
  from: DeviceSide,
  to: DeviceSide,
  options: TransferOptions,
): Promise<CopyReport> {
  const { threads, terminal } = job;
  const { checkpoint: path, verbose } = job.options;
  if (path === undefined) {
    if (threads > 1) return await transferInThreads(job, from, to, options);
    return await copyDevice(from.device, to.device, options);
  }
  const source = { ...checkpointSide(from), modifiedMs: from.stats?.mtimeMs };
  const checkpoint = new CopyCheckpoint(createCheckpointFile(path), source, checkpointSide(to));
  const startAt = await checkpoint.resumePosition({ signal: terminal.signal });
  if (verbose === true && startAt > 0n) terminal.note(`nbd: going on from byte ${startAt}`);
  const save = (position: bigint): Promise<void> => checkpoint.save(position);
  const report = await copyDevice(from.device, to.device, { ...options, checkpoint: { startAt, save } });
  await checkpoint.remove();
  return report;
}

async function transferInThreads(
  job: CopyJob,
  from: DeviceSide,
  to: DeviceSide,
  { checkpoint: _checkpoint, grow: _grow, changed: _changed, ...options }: TransferOptions,
): Promise<CopyReport> {
  const data = {
    source: job.source,
    destination: job.destination,
    options: job.options,
    transfer: threadTransferOptions(job),
    connections: job.connections,
    files: { source: fileIdentity(from), destination: fileIdentity(to) },
  };
  const listener = { note: (text: string) => job.terminal.note(text), used: job.onThreadDone };
  const startThread = (share: CopyShare) => startCopyThread(share, data, listener);
  return await copyInThreads(from.device, to.device, { ...options, threads: job.threads, startThread });
}

function checkpointSide(side: DeviceSide): CheckpointSide {
  // The same file in another format, or another part of it, is another source.
  const { device, name, steps = [] } = side;
  return { device, name: [name, ...steps].join(', '), file: fileIdentity(side) };
}

/** Copies one stream to another, as the bytes come. */
async function transferStream(
  { source }: StreamSource,
  target: ByteTarget,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  let doneBytes = 0n;
  // A silent source could be silent for ever; closing it ends the wait.
  const onAbort = (): void => source.close();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    for await (const chunk of source.bytes) {
      signal.throwIfAborted();
      await target.write(chunk);
      doneBytes += BigInt(chunk.length);
      progress.update({ doneBytes });
    }
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
