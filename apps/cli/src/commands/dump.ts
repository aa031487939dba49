/** `nbd dump`: an export as hexadecimal digits. */

import type { NbdClient } from '@nbdjs/client';
import { AllocationStatus, baseAllocation, type Extent, UsageError } from '@nbdjs/interfaces';
import { walkExtentLists } from '@nbdjs/kit';
import type { Operand } from '../arguments/operands.ts';
import type { ServerWords } from '../arguments/server.ts';
import { oneLine } from '../failure.ts';
import { openServer } from '../open.ts';
import { Hexdump } from '../render/hexdump.ts';
import type { Terminal } from '../terminal.ts';
import { leaving } from './leave-taking.ts';

export interface DumpOptions extends ServerWords {
  /** First byte. */
  readonly offset: bigint;
  /** At most this many bytes. */
  readonly limit?: bigint | undefined;
  readonly colour?: boolean | undefined;
}

const readBytes = 256 * 1024;

/** Reading so many bytes more is quicker than to ask twice. */
const shortHoleBytes = 64n * 1024n;

/** So much data is printed before the next of the map is looked at. */
const runBytesMax = 16n * 1024n * 1024n;

export async function dump(
  server: Extract<Operand, { type: 'uri' | 'command' }>,
  options: DumpOptions,
  terminal: Terminal,
): Promise<number> {
  const client = await openServer(server, options, terminal);
  await using _ = leaving(client, terminal.signal);
  const { size } = client.geometry;
  if (options.offset > size) {
    throw new UsageError(
      'ERR_NBD_OUT_OF_BOUNDS',
      `--offset: ${options.offset} lies behind the export's end at ${size}`,
    );
  }
  const left = size - options.offset;
  const length = options.limit === undefined || options.limit > left ? left : options.limit;

  let text = '';
  const hexdump = new Hexdump(
    options.offset,
    (lines) => {
      text += lines;
    },
    terminal.colours('stdout', options.colour),
  );
  for await (const piece of pieces(client, options.offset, length, options.verbose, terminal)) {
    if (typeof piece === 'bigint') hexdump.writeZeroes(piece);
    else hexdump.write(piece);
    await terminal.print(text);
    text = '';
  }
  hexdump.end({ isExportEnd: length === left });
  await terminal.print(text);
  return 0;
}

/** The bytes of a range in order; a run of zeroes that need not be read comes as its length. */
async function* pieces(
  client: NbdClient,
  offset: bigint,
  length: bigint,
  isVerbose: boolean,
  terminal: Terminal,
): AsyncGenerator<Uint8Array | bigint> {
  const { signal } = terminal;
  if (!client.abilities.contexts.includes(baseAllocation)) {
    yield* data(client, offset, length, signal);
    return;
  }
  let hasTold = !isVerbose;
  const onMapFailure = (error: Error, at: bigint): void => {
    if (!hasTold) {
      terminal.note(`nbd: the server does not tell which parts are zero (at ${at}: ${oneLine(error)}); reading them`);
    }
    hasTold = true;
  };
  const lists = walkExtentLists(client, { context: baseAllocation, offset, length, signal, onMapFailure });
  for await (const run of runs(lists)) {
    if (run.isZero) yield run.length;
    else yield* data(client, run.offset, run.length, signal);
  }
}

interface Run {
  readonly isZero: boolean;
  readonly offset: bigint;
  readonly length: bigint;
}

/** Extents that are alike to us in one; a short hole next to data is read with it, for each request takes its time. */
async function* runs(lists: AsyncIterable<readonly Extent[]>): AsyncGenerator<Run> {
  let run: Run | undefined;
  for await (const extents of lists) {
    for (const { offset, length, status } of extents) {
      const isZero = (Number(status) & AllocationStatus.Zero) !== 0;
      const isEnough = run !== undefined && !run.isZero && run.length >= runBytesMax;
      if (run !== undefined && !isEnough && (run.isZero === isZero || (!run.isZero && length <= shortHoleBytes))) {
        run = { ...run, length: run.length + length };
      } else {
        if (run !== undefined) yield run;
        run = { isZero, offset, length };
      }
    }
  }
  if (run !== undefined) yield run;
}

async function* data(
  client: NbdClient,
  offset: bigint,
  length: bigint,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(length < readBytes ? Number(length) : readBytes);
  for (let position = 0n; position < length; position += BigInt(buffer.length)) {
    const left = length - position;
    const target = left < buffer.length ? buffer.subarray(0, Number(left)) : buffer;
    await client.read(offset + position, target, { signal });
    yield target;
  }
}
