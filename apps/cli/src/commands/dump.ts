/** `nbd dump`: an export as hexadecimal digits. */

import type { NbdClient } from '@nbdjs/client';
import { AllocationStatus, baseAllocation, UsageError } from '@nbdjs/interfaces';
import type { Operand } from '../arguments/operands.ts';
import type { ServerWords } from '../arguments/server.ts';
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
  for await (const piece of pieces(client, options.offset, length, terminal.signal)) {
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
  signal: AbortSignal,
): AsyncGenerator<Uint8Array | bigint> {
  if (!client.abilities.contexts.includes(baseAllocation)) {
    yield* data(client, offset, length, signal);
    return;
  }
  // What the server fails to tell of is read.
  for await (const extent of client.extents({
    context: baseAllocation,
    offset,
    length,
    signal,
    onMapFailure: () => {},
  })) {
    if (Number(extent.status) & AllocationStatus.Zero) yield extent.length;
    else yield* data(client, extent.offset, extent.length, signal);
  }
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
