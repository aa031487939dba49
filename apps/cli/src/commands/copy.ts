/** `nbd copy`: from anywhere to anywhere. Options and their meanings are nbdcopy's, and more. */
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { nextTurn } from '@nbdjs/client';
import { type CopyOptions, compareDevices, copyDevice, copyFromStream, copyToStream } from '@nbdjs/copy';
import { CommandError, UsageError } from '@nbdjs/interfaces';
import { describeOperand, type Operand } from '../arguments/operands.ts';
import type { ServerWords } from '../arguments/server.ts';
import { oneLine } from '../failure.ts';
import { JsonLines, noProgress, PercentLines, type Progress, ProgressBar } from '../render/progress.ts';
import type { Terminal } from '../terminal.ts';
import { CheckpointFile, hasCheckpoint } from './copy-checkpoint.ts';
import { type DeviceSide, type Side, Sides } from './copy-sides.ts';

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
  /** `bar`, `json`, `json:FD` or a descriptor. @default a bar on a terminal */
  readonly progress?: string | undefined;
  readonly colour?: boolean | undefined;
}

/** A copy that is told to stop has so long to tell how far it has come, in milliseconds. */
const lastWordsMs = 5000;

export async function copy(
  source: Operand,
  destination: Operand,
  options: CopyCommandOptions,
  terminal: Terminal,
): Promise<number> {
  refuseImpossible(source, destination, options, terminal);
  const { checkpoint: path, mode, retries, verbose, verify } = options;
  const isResumed = path !== undefined && (await hasCheckpoint(path));
  const sides = new Sides({ mode, retries, verbose, verify, isResumed }, terminal);
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
    const to = await sides.destination(destination, from);
    const connections = widen(from, to, options);
    if (options.verbose) describe(source, destination, from, to, connections, options, terminal);
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

/** With several connections to each side if both sides allow that. Tells how many. */
function widen(from: Side, to: Side, { connections, synchronous }: CopyCommandOptions): number {
  if (from.type !== 'device' || to.type !== 'device' || synchronous) return 1;
  const canAll = [from, to].every(({ device }) => device.abilities.multiConn);
  if (!canAll || (from.widen === undefined && to.widen === undefined)) return 1;
  for (const side of [from, to]) side.widen?.(connections);
  return connections;
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

function copyOptions(to: Side, connections: number, options: CopyCommandOptions, { signal }: Terminal): CopyOptions {
  const canFlush = to.type === 'device' && to.device.abilities.flush;
  return {
    ...transferSizes(connections, options),
    sparseSize: options.sparse,
    extents: options.extents,
    allocated: options.allocated,
    targetIsZero: options.destinationIsZero || (to.type === 'device' && to.isZero),
    // Only a flush tells whether a server that was lost has kept what it had acknowledged.
    flush: options.flush || (canFlush && (options.retries > 0 || options.checkpoint !== undefined)),
    synchronous: options.synchronous,
    signal,
  };
}

async function transfer(
  from: Side,
  to: Side,
  how: CopyOptions,
  options: CopyCommandOptions,
  terminal: Terminal,
): Promise<void> {
  if (from.type === 'device' && to.type === 'device') {
    await transferDevice(from, to, how, options, terminal);
    return;
  }
  if (options.checkpoint !== undefined) throw noStream('--checkpoint');
  if (options.verify) throw noStream('--verify');
  if (from.type === 'stream' && to.type === 'device') {
    try {
      await copyFromStream(readable(from.path), to.device, how);
    } finally {
      // Standard input that is still open, because the copy has failed, would keep the process alive.
      if (from.path === 0) process.stdin.destroy();
    }
  } else if (from.type === 'device' && to.type === 'stream') {
    const stream = writable(to.path);
    await copyToStream(from.device, (chunk) => put(stream, chunk, terminal.signal), how);
    if (stream !== process.stdout) await end(stream);
  } else if (from.type === 'stream' && to.type === 'stream') {
    await pipeline(readable(from.path), writable(to.path), { signal: terminal.signal });
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
  const file = new CheckpointFile(path, from, to);
  const startAt = await file.position(from, to, terminal.signal);
  if (verbose && startAt > 0n) terminal.note(`nbd: going on from byte ${startAt}`);
  await copyDevice(from.device, to.device, {
    ...how,
    checkpoint: { startAt, save: (position) => file.save(position) },
  });
  await file.remove();
}

async function compare(
  from: Side,
  to: Side,
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

function readable(path: string | number): AsyncIterable<Uint8Array> {
  return typeof path === 'number' ? process.stdin : createReadStream(path, { highWaterMark: 256 * 1024 });
}

function writable(path: string | number): NodeJS.WritableStream {
  if (typeof path === 'number') return process.stdout;
  // Errors are told to those who write; without a listener they would end the process as well.
  return createWriteStream(path).on('error', () => {});
}

/** Settles when the chunk is written; an abort is not held up by a reader that does not read. */
function put(stream: NodeJS.WritableStream, chunk: Uint8Array, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    stream.write(chunk, (error) => {
      signal.removeEventListener('abort', onAbort);
      if (error) reject(error);
      else resolve();
    });
  });
}

function end(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.on('error', reject);
    stream.end(() => resolve());
  });
}

function progressFor(options: CopyCommandOptions, terminal: Terminal): Progress {
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
  from: Side,
  to: Side,
  connections: number,
  { requests, requestSize, synchronous }: CopyCommandOptions,
  terminal: Terminal,
): void {
  for (const [role, operand, side] of [
    ['source', source, from],
    ['destination', destination, to],
  ] as const) {
    terminal.note(`nbd: ${role}: ${describeOperand(operand)}: ${figuresOf(side, connections)}`);
  }
  terminal.note(
    `nbd: requests=${requests ?? 'as many as it takes'} request size=${requestSize} synchronous=${synchronous}`,
  );
}

function figuresOf(side: Side, connections: number): string {
  if (side.type === 'stream') return 'a stream';
  const { size, preferredBlockSize } = side.device.geometry;
  const count = side.widen === undefined ? 1 : connections;
  return `size=${size} preferred block size=${preferredBlockSize} connections=${count}`;
}
