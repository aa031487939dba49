/** `nbd copy`: from anywhere to anywhere. Options and their meanings are nbdcopy's, and more. */

import {
  type CheckpointSide,
  CopyCheckpoint,
  type CopyOptions,
  compareDevices,
  copyDevice,
  copyFromStream,
  copyToStream,
  hasCheckpoint,
} from '@nbdjs/copy';
import { CommandError, UsageError } from '@nbdjs/interfaces';
import { nextTurn } from '@nbdjs/node';
import { createCheckpointFile } from '@nbdjs/storage';
import { describeOperand, type Operand } from '../arguments/operands.ts';
import type { ServerWords } from '../arguments/server.ts';
import { oneLine } from '../failure.ts';
import { JsonLines, noProgress, PercentLines, type Progress, ProgressBar } from '../render/progress.ts';
import type { Terminal } from '../terminal.ts';
import {
  type DeviceSide,
  Sides,
  type SourceSide,
  type StreamSource,
  type StreamTarget,
  type TargetSide,
} from './copy-sides.ts';
import type { ByteTarget } from './copy-streams.ts';

/** `retries` are also how often a request that has failed is tried again. */
export interface CopyCommandOptions extends ServerWords {
  /** Connections to each server, where both sides allow several. */
  readonly connections: number;
  /** Requests in flight for each connection. @default as many as it takes */
  readonly requests: number | undefined;
  readonly requestSize: number;
  /** Bytes held in memory for each connection. @default as many as it takes, up to 64 MiB in all */
  readonly queueSize: number | undefined;
  /** In blocks of so many bytes. @default 4096, but few zeroes among data go with them */
  readonly sparse: number | undefined;
  readonly extents: boolean;
  readonly allocated: boolean;
  readonly destinationIsZero: boolean;
  readonly flush: boolean;
  readonly synchronous: boolean;
  /** The file that tells how far the copy has come. */
  readonly checkpoint: string | undefined;
  /** Compare when all is copied. */
  readonly verify: boolean;
  readonly verbose: boolean;
  /** Say nothing but errors. */
  readonly quiet: boolean;
  /** `bar`, `json`, `json:FD` or a descriptor. @default a bar on a terminal */
  readonly progress?: string | undefined;
  readonly colour?: boolean | undefined;
}

/** A connection more is made for so many bytes of the source. */
const connectionBytesMin = 16n * 2n ** 20n;

/** A copy that is told to stop has so long to tell how far it has come, in milliseconds. */
const lastWordsMs = 600;

export async function copy(
  source: Operand,
  destination: Operand,
  options: CopyCommandOptions,
  terminal: Terminal,
): Promise<number> {
  refuseImpossible(source, destination, options, terminal);
  const { checkpoint: path, mode, retries, silenceMs, verbose, verify, extents, destinationIsZero, quiet } = options;
  const isResumed = path !== undefined && (await hasCheckpoint(createCheckpointFile(path)));
  const sides = new Sides(
    { mode, retries, silenceMs, verbose, verify, isResumed, extents, destinationIsZero, quiet },
    terminal,
  );
  let timer: NodeJS.Timeout | undefined;
  // Requests in flight end with their connections; aborting each of them by itself would cost a copy of the data.
  const onAbort = (): void => {
    const end = (): void => sides.destroy(terminal.signal.reason);
    if (path === undefined) end();
    else timer = setTimeout(end, lastWordsMs);
  };
  terminal.signal.addEventListener('abort', onAbort, { once: true });
  try {
    const from = await sides.source(source);
    if (from.type === 'stream') refuseOfStreams(options);
    const to = await sides.destination(destination, from);
    if (to.type === 'stream') refuseOfStreams(options);
    const connections = widen(from, to, options);
    if (verbose) describe(source, destination, from, to, connections, options, terminal);
    if (to.type === 'stream' && !quiet) tellIdle(to, options, terminal);
    const progress = progressFor(options, terminal);
    const mapFailures = mapFailuresTo(terminal, options.verbose);
    try {
      await transfer(
        from,
        to,
        { ...copyOptions(to, connections, options, terminal), ...progressOf(progress), ...mapFailures },
        options,
        terminal,
      );
      if (verify) {
        progress.verifying();
        const how = { ...transferSizes(connections, options), ...progressOf(progress), ...mapFailures };
        await compare(from, to, how, options, terminal);
      }
      if (verbose) for (const line of connectionsOf(from, to)) terminal.note(line);
      await sides.close();
      progress.finish(true);
    } catch (error) {
      progress.finish(false);
      throw terminal.signal.aborted ? terminal.signal.reason : error;
    }
    return 0;
  } finally {
    clearTimeout(timer);
    terminal.signal.removeEventListener('abort', onAbort);
    sides.destroy();
    await sides.close().catch(() => {});
  }
}

/** @throws UsageError */
function refuseImpossible(
  source: Operand,
  destination: Operand,
  { checkpoint, verify }: CopyCommandOptions,
  terminal: Terminal,
): void {
  const refuse = (message: string): never => {
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  };
  if (source.type === 'null') refuse("'null:' can only be the destination");
  if (destination.type === 'stdio' && terminal.stdout.isTTY) refuse('refusing to write binary data to a terminal');
  if (destination.type === 'null' && verify) refuse("--verify: what has gone to 'null:' cannot be read again");
  if (destination.type === 'null' && checkpoint !== undefined)
    refuse("--checkpoint: 'null:' keeps nothing to go on from");
}

/** @throws UsageError before anything is opened for writing */
function refuseOfStreams({ checkpoint, verify }: CopyCommandOptions): void {
  if (checkpoint !== undefined) throw noStream('--checkpoint');
  if (verify) throw noStream('--verify');
}

/** Options that mean nothing for a destination that takes bytes in order are not kept silent about. */
function tellIdle({ target }: StreamTarget, { flush, sparse }: CopyCommandOptions, terminal: Terminal): void {
  const idle = [];
  if (flush && target.flush === undefined) idle.push('--flush');
  if (sparse !== undefined && sparse > 0) idle.push('--sparse');
  if (idle.length > 0) terminal.note(`nbd: the destination is a stream, where ${idle.join(' and ')} can do nothing`);
}

/** With several connections to each side if both sides allow that. Tells how many. */
function widen(from: SourceSide, to: TargetSide, { connections, synchronous }: CopyCommandOptions): number {
  if (from.type !== 'device' || to.type !== 'device' || synchronous) return 1;
  const canAll = [from, to].every(({ device }) => device.abilities.multiConn);
  if (!canAll || (from.widen === undefined && to.widen === undefined)) return 1;
  // A server notices connections that nobody comes to need, and says so in its log.
  const useful = from.device.geometry.size / connectionBytesMin + 1n;
  const wanted = useful < connections ? Number(useful) : connections;
  if (wanted === 1) return 1;
  for (const side of [from, to]) side.widen?.(wanted);
  return wanted;
}

/** What is said of one connection, for all of them; and how others get a turn. */
function transferSizes(connections: number, { requests, requestSize, queueSize }: CopyCommandOptions) {
  return {
    requests: requests === undefined ? undefined : requests * connections,
    queueBytesMax: queueSize === undefined ? undefined : queueSize * connections,
    requestSize,
    nextTurn,
  };
}

/** A map that cannot be had costs time, and nothing else: whoever wants to know is told, once for each side. */
function mapFailuresTo(terminal: Terminal, verbose: boolean): Pick<CopyOptions, 'onMapFailure'> {
  const told = new Set<string>();
  return {
    onMapFailure: ({ side, offset, error }) => {
      if (!verbose || told.has(side)) return;
      told.add(side);
      const role = side === 'source' ? 'source' : 'destination';
      terminal.note(
        `nbd: the ${role} does not tell which parts of it are zero (at ${offset}: ${oneLine(error)}); reading them`,
      );
    },
  };
}

function progressOf(progress: Progress): Pick<CopyOptions, 'onProgress'> {
  return { onProgress: (figures) => progress.update(figures) };
}

function copyOptions(
  to: TargetSide,
  connections: number,
  options: CopyCommandOptions,
  { signal }: Terminal,
): CopyOptions {
  const canFlush = to.type === 'device' && to.device.abilities.flush;
  return {
    ...transferSizes(connections, options),
    sparseSize: options.sparse,
    extents: options.extents,
    allocated: options.allocated,
    targetIsZero: options.destinationIsZero || (to.type === 'device' && to.isZero),
    // Only a flush tells whether a server that was lost has kept what it had acknowledged, and a disk what it was given.
    flush: options.flush || (canFlush && (options.retries > 0 || options.checkpoint !== undefined || isDisk(to))),
    grow: to.type === 'device' ? to.grow : undefined,
    synchronous: options.synchronous,
    signal,
  };
}

function isDisk(to: TargetSide): boolean {
  return to.type === 'device' && to.stats?.isBlockDevice() === true;
}

async function transfer(
  from: SourceSide,
  to: TargetSide,
  how: CopyOptions,
  options: CopyCommandOptions,
  terminal: Terminal,
): Promise<void> {
  if (from.type === 'device' && to.type === 'device') {
    await transferDevice(from, to, how, options, terminal);
  } else if (from.type === 'stream' && to.type === 'device') {
    await copyFromStream(from.source.bytes, to.device, how);
  } else if (to.type === 'stream') {
    const { target } = to;
    if (from.type === 'device') await copyToStream(from.device, (chunk) => target.write(chunk), how);
    else await transferStream(from, target, how, terminal.signal);
    await target.end();
    if (how.flush === true) await target.flush?.();
  }
}

/** From one stream to another, as the bytes come. */
async function transferStream(
  { source }: StreamSource,
  target: ByteTarget,
  { onProgress }: CopyOptions,
  signal: AbortSignal,
): Promise<void> {
  let doneBytes = 0n;
  // A source that is silent may be so for ever; closing it ends the wait.
  const onAbort = (): void => source.close();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    for await (const chunk of source.bytes) {
      signal.throwIfAborted();
      await target.write(chunk);
      doneBytes += BigInt(chunk.length);
      onProgress?.({ doneBytes });
    }
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function transferDevice(
  from: DeviceSide,
  to: DeviceSide,
  how: CopyOptions,
  { checkpoint: path, verbose }: CopyCommandOptions,
  terminal: Terminal,
): Promise<void> {
  if (path === undefined) {
    await copyDevice(from.device, to.device, how);
    return;
  }
  const modifiedMs = from.stats?.mtimeMs;
  const checkpoint = new CopyCheckpoint(
    createCheckpointFile(path),
    { ...checkpointSide(from), modifiedMs },
    checkpointSide(to),
  );
  const startAt = await checkpoint.resumePosition({ signal: terminal.signal });
  if (verbose && startAt > 0n) terminal.note(`nbd: going on from byte ${startAt}`);
  await copyDevice(from.device, to.device, {
    ...how,
    checkpoint: { startAt, save: (position) => checkpoint.save(position) },
  });
  await checkpoint.remove();
}

/** A file is recognised by its device and inode. */
function checkpointSide({ device, name, stats }: DeviceSide): CheckpointSide {
  return { device, name, file: stats === undefined ? undefined : `${stats.dev}:${stats.ino}` };
}

async function compare(
  from: SourceSide,
  to: TargetSide,
  how: CopyOptions,
  { extents, synchronous }: CopyCommandOptions,
  { signal }: Terminal,
): Promise<void> {
  if (from.type !== 'device' || to.type !== 'device') throw noStream('--verify');
  const { differsAt } = await compareDevices(from.device, to.device, { ...how, extents, synchronous, signal });
  if (differsAt === undefined) return;
  throw new CommandError('EIO', `verification failed: source and destination differ at byte ${differsAt}`);
}

function noStream(option: string): UsageError {
  return new UsageError('ERR_NBD_ARGUMENT', `${option} needs a source and a destination that are no streams`);
}

function progressFor(options: CopyCommandOptions, terminal: Terminal): Progress {
  if (options.quiet && options.progress === undefined) return noProgress;
  const how = options.progress ?? (terminal.stderr.isTTY && terminal.stdout.isTTY !== false ? 'bar' : 'none');
  if (how === 'none') return noProgress;
  if (how === 'bar') return new ProgressBar(terminal.stderr, terminal.colours('stderr', options.colour));
  const match = /^(json)?:?(\d{1,4})?$/.exec(how);
  if (match === null || how === '') {
    throw new UsageError('ERR_NBD_ARGUMENT', `--progress: '${how}' is not 'bar', 'json', 'json:FD' or a descriptor`);
  }
  const fd = match[2] === undefined ? 2 : Number(match[2]);
  return match[1] === 'json' ? new JsonLines(fd) : new PercentLines(fd);
}

function describe(
  source: Operand,
  destination: Operand,
  from: SourceSide,
  to: TargetSide,
  connections: number,
  { requests, requestSize, synchronous }: CopyCommandOptions,
  terminal: Terminal,
): void {
  for (const [role, operand, side] of [
    ['source', source, from],
    ['destination', destination, to],
  ] as const) {
    const figures = operand.type === 'null' ? 'takes everything' : figuresOf(side, connections);
    terminal.note(`nbd: ${role}: ${describeOperand(operand).replace(/:$/, '')}: ${figures}`);
  }
  terminal.note(
    `nbd: requests=${requests ?? 'as many as it takes'} request size=${requestSize} synchronous=${synchronous}`,
  );
}

function figuresOf(side: SourceSide | TargetSide, connections: number): string {
  if (side.type === 'stream') return 'a stream';

  if (side.grow !== undefined) return 'a file that grows';
  const { size, preferredBlockSize } = side.device.geometry;
  const most = side.widen === undefined || connections === 1 ? '1' : `up to ${connections}`;
  return `size=${size} preferred block size=${preferredBlockSize} connections=${most}`;
}

/** How many connections a server has let in, and been asked by. */
function connectionsOf(from: SourceSide, to: TargetSide): readonly string[] {
  return [['source', from] as const, ['destination', to] as const].flatMap(([role, side]) =>
    side.type === 'device' && side.connections !== undefined ? [`nbd: ${role}: connections=${side.connections()}`] : [],
  );
}
