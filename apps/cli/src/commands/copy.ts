/** `nbd copy`: from anywhere to anywhere. Options, their meanings and their defaults are nbdcopy's. */
import { createReadStream, createWriteStream, fstatSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { NbdClient } from '@nbdjs/client';
import { type CopyOptions, copyDevice, copyFromStream, copyToStream } from '@nbdjs/copy';
import { type BlockDevice, baseAllocation, UsageError } from '@nbdjs/interfaces';
import { createNullDevice, openFileDevice } from '@nbdjs/storage';
import { describeOperand, type Operand } from '../arguments/operands.ts';
import { openServer, type ServerOperand } from '../open.ts';
import { JsonLines, noProgress, PercentLines, type Progress, ProgressBar } from '../render/progress.ts';
import type { Terminal } from '../terminal.ts';

export interface CopyCommandOptions {
  /** Connections to each server, where both sides allow several. */
  readonly connections: number;
  readonly requests: number;
  readonly requestSize: number;
  readonly queueSize: number;
  readonly sparse: number;
  readonly extents: boolean;
  readonly allocated: boolean;
  readonly destinationIsZero: boolean;
  readonly flush: boolean;
  readonly synchronous: boolean;
  readonly verbose: boolean;
  /** `bar`, `json`, `json:FD` or a descriptor. @default a bar on a terminal */
  readonly progress?: string | undefined;
  readonly colour?: boolean | undefined;
}

/** One side of a copy: devices (several handles to the same one), or a stream. */
type Side =
  | {
      readonly type: 'devices';
      readonly devices: [BlockDevice, ...BlockDevice[]];
      readonly isZero: boolean;
      /** Opens a further handle, where that is possible. */
      readonly another?: (() => Promise<BlockDevice>) | undefined;
    }
  | { readonly type: 'stream'; readonly path: string | number };

export async function copy(
  source: Operand,
  destination: Operand,
  options: CopyCommandOptions,
  terminal: Terminal,
): Promise<number> {
  if (source.type === 'null') throw new UsageError('ERR_NBD_ARGUMENT', "'null:' can only be the destination");
  if (destination.type === 'stdio' && terminal.stdout.isTTY) {
    throw new UsageError('ERR_NBD_ARGUMENT', 'refusing to write binary data to a terminal');
  }
  const opened: BlockDevice[] = [];
  const keep = <Device extends BlockDevice>(device: Device): Device => {
    opened.push(device);
    return device;
  };
  // Requests in flight end with their connections; aborting each of them by itself would cost a copy of the data.
  const onAbort = (): void => destroyAll(opened, terminal.signal.reason);
  terminal.signal.addEventListener('abort', onAbort, { once: true });
  try {
    const from = await openSource(source, terminal, keep);
    const to = await openDestination(destination, from, terminal, keep);
    await openConnections(from, to, options, keep);
    if (options.verbose) describe(source, destination, from, to, options, terminal);
    const progress = progressFor(options, terminal);
    const copyOptions: CopyOptions = {
      requests: options.requests,
      requestSize: options.requestSize,
      queueBytesMax: options.queueSize,
      sparseSize: options.sparse,
      extents: options.extents,
      allocated: options.allocated,
      targetIsZero: options.destinationIsZero || (to.type === 'devices' && to.isZero),
      flush: options.flush,
      synchronous: options.synchronous,
      signal: terminal.signal,
      onProgress: (figures) => progress.update(figures),
    };
    try {
      await transfer(from, to, copyOptions, terminal);
      for (const device of opened) await device.close();
      progress.finish(true);
    } catch (error) {
      progress.finish(false);
      throw terminal.signal.aborted ? terminal.signal.reason : error;
    }
    return 0;
  } finally {
    terminal.signal.removeEventListener('abort', onAbort);
    destroyAll(opened);
    for (const device of opened) await device.close().catch(() => {});
  }
}

async function transfer(from: Side, to: Side, options: CopyOptions, terminal: Terminal): Promise<void> {
  if (from.type === 'devices' && to.type === 'devices') {
    await copyDevice(from.devices, to.devices, options);
  } else if (from.type === 'stream' && to.type === 'devices') {
    try {
      await copyFromStream(readable(from.path), to.devices[0], options);
    } finally {
      // Standard input that is still open, because the copy has failed, would keep the process alive.
      if (from.path === 0) process.stdin.destroy();
    }
  } else if (from.type === 'devices' && to.type === 'stream') {
    const stream = writable(to.path);
    await copyToStream(from.devices[0], (chunk) => put(stream, chunk, terminal.signal), options);
    if (stream !== process.stdout) await end(stream);
  } else if (from.type === 'stream' && to.type === 'stream') {
    await pipeline(readable(from.path), writable(to.path), { signal: terminal.signal });
  }
}

async function openSource(
  operand: Operand,
  terminal: Terminal,
  keep: <Device extends BlockDevice>(device: Device) => Device,
): Promise<Side> {
  switch (operand.type) {
    case 'uri':
    case 'command':
      return servers(operand, terminal, keep, [baseAllocation]);
    case 'stdio':
      return descriptorSide(0, keep);
    case 'file': {
      if (await isStream(operand.path)) return { type: 'stream', path: operand.path };
      const device = keep(await openFileDevice(operand.path, { readOnly: true }));
      return { type: 'devices', devices: [device], isZero: false };
    }
    case 'null':
      throw new UsageError('ERR_NBD_ARGUMENT', "'null:' can only be the destination");
  }
}

async function openDestination(
  operand: Operand,
  from: Side,
  terminal: Terminal,
  keep: <Device extends BlockDevice>(device: Device) => Device,
): Promise<Side> {
  switch (operand.type) {
    case 'uri':
    case 'command':
      return servers(operand, terminal, keep, []);
    case 'stdio':
      return { type: 'stream', path: 1 };
    case 'null':
      return { type: 'devices', devices: [keep(createNullDevice())], isZero: true };
    case 'file': {
      if (from.type === 'stream' || (await isStream(operand.path))) return { type: 'stream', path: operand.path };
      const { size } = from.devices[0].geometry;
      const device = keep(await openFileDevice(operand.path, { create: true, size }));
      return { type: 'devices', devices: [device], isZero: device.isNew };
    }
  }
}

async function servers(
  operand: ServerOperand,
  terminal: Terminal,
  keep: <Device extends BlockDevice>(device: Device) => Device,
  contexts: readonly string[],
): Promise<Side> {
  const open = (): Promise<NbdClient> => openServer(operand, { signal: terminal.signal, contexts });
  const first = keep(await open());
  const another = operand.type === 'uri' && first.abilities.multiConn ? open : undefined;
  return { type: 'devices', devices: [first], isZero: false, another };
}

/** With several connections on each side that allows them; a side that does not makes it one. */
async function openConnections(
  from: Side,
  to: Side,
  options: CopyCommandOptions,
  keep: <Device extends BlockDevice>(device: Device) => Device,
): Promise<void> {
  if (from.type !== 'devices' || to.type !== 'devices' || options.synchronous) return;
  const sides = [from, to];
  const canAll = sides.every((side) => side.devices[0].abilities.multiConn);
  if (!canAll) return;
  for (const side of sides) {
    while (side.another !== undefined && side.devices.length < options.connections) {
      side.devices.push(keep(await side.another()));
    }
  }
}

/** Standard input may be a file, which can be read like one. */
async function descriptorSide(fd: number, keep: <Device extends BlockDevice>(device: Device) => Device): Promise<Side> {
  if (fstatSync(fd).isFile() && process.platform === 'linux') {
    const device = keep(await openFileDevice(`/proc/self/fd/${fd}`, { readOnly: true }));
    return { type: 'devices', devices: [device], isZero: false };
  }
  return { type: 'stream', path: fd };
}

async function isStream(path: string): Promise<boolean> {
  try {
    const stats = await stat(path);
    return !stats.isFile() && !stats.isBlockDevice() && !stats.isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
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

function destroyAll(devices: readonly BlockDevice[], cause?: Error): void {
  for (const device of devices) {
    if ('destroy' in device && typeof device.destroy === 'function') device.destroy(cause);
  }
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
  options: CopyCommandOptions,
  terminal: Terminal,
): void {
  for (const [role, operand, side] of [
    ['source', source, from],
    ['destination', destination, to],
  ] as const) {
    const what =
      side.type === 'stream'
        ? 'a stream'
        : `size=${side.devices[0].geometry.size} preferred block size=${side.devices[0].geometry.preferredBlockSize} connections=${side.devices.length}`;
    terminal.note(`nbd: ${role}: ${describeOperand(operand)}: ${what}`);
  }
  terminal.note(
    `nbd: requests=${options.requests} request size=${options.requestSize} synchronous=${options.synchronous}`,
  );
}
