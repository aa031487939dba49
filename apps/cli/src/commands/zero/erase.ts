/** What `nbd zero` and `nbd discard` have in common: the question, the check, and the work in pieces. */

import { type BlockDevice, baseAllocation, UsageError } from '@nbdjs/interfaces';
import { walkExtentLists } from '@nbdjs/kit';
import { mayDo } from '../../confirmation.ts';
import { withTls } from '../../connecting/client-tls.ts';
import { openReadable, type Readable } from '../../connecting/open-readable.ts';
import type { Connecting } from '../../connecting/open-server.ts';
import { openWritable } from '../../connecting/open-writable.ts';
import { argumentError } from '../../errors/argument-error.ts';
import { type ImageOptions, requireFiles } from '../../images/options.ts';
import { describeOperand, type ReadableOperand } from '../../options/operand.ts';
import { type DeviceRange, type RangeOptions, rangeOf } from '../../options/range.ts';
import type { ClientTlsOptions } from '../../options/tls.ts';
import type { Terminal } from '../../terminal.ts';
import { createProgress, type ProgressOptions } from '../copy/progress.ts';

/** A way to destroy what is there. */
export interface Erasure {
  /** The bit of `base:allocation` that says that it is done already. */
  readonly status: number;
  /** What lines of progress call it. */
  readonly progress: string;
  /** @throws UsageError when the device cannot do it. */
  requirePossible(device: BlockDevice, name: string): void;
  erase(device: BlockDevice, offset: bigint, length: bigint, signal: AbortSignal): Promise<void>;
}

export interface EraseOptions extends Connecting, ImageOptions, RangeOptions, ClientTlsOptions, ProgressOptions {
  readonly check?: boolean | undefined;
  readonly yes?: boolean | undefined;
}

/** Between two pieces an interrupt is noticed, and progress shown. */
const pieceBytes = 256n * 2n ** 20n;

/** Returns the exit code: with `--check` 1 when something is there, otherwise 1 when the answer to the question is no. */
export async function erase(
  erasure: Erasure,
  operand: ReadableOperand,
  options: EraseOptions,
  terminal: Terminal,
): Promise<number> {
  const given = withTls(operand, options);
  requireFiles(options, [operand]);
  if (operand.type !== 'file' && options.partition !== undefined) {
    throw argumentError('--partition: of a server, say by --offset and --length what is to be erased');
  }
  const name = describeOperand(operand);
  const { device, leave } = await open(given, options, terminal);
  await using _ = leave;
  const range = rangeOf(device.geometry.size, options);
  if (options.check === true) return await check(erasure, device, name, range, options, terminal);
  if (device.abilities.readOnly) throw new UsageError('ERR_NBD_READ_ONLY', `${name} is read-only`);
  erasure.requirePossible(device, name);
  if (range.length === 0n) return 0;
  const what = `erase everything on ${name}, bytes ${range.offset} to ${range.offset + range.length - 1n}, for ever`;
  if (!(await mayDo(what, options, terminal))) return 1;
  await eraseAll(erasure, device, range, options, terminal);
  return 0;
}

/** With `--check` nothing is opened for writing. */
async function open(operand: ReadableOperand, options: EraseOptions, terminal: Terminal): Promise<Readable> {
  if (options.check === true) return await openReadable(operand, options, terminal, { contexts: [baseAllocation] });
  if (operand.type === 'disk') {
    throw argumentError(
      `${describeOperand(operand)}: a disk in a store cannot be erased in place, but while it is served`,
    );
  }
  return await openWritable(operand, options, terminal);
}

async function check(
  { status: goal }: Erasure,
  device: BlockDevice,
  name: string,
  range: DeviceRange,
  { quiet }: EraseOptions,
  terminal: Terminal,
): Promise<number> {
  if (!device.abilities.contexts.includes(baseAllocation)) {
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', `--check: ${name} has no metadata context "${baseAllocation}"`);
  }
  for await (const extents of walkExtentLists(device, { ...range, signal: terminal.signal })) {
    const data = extents.find(({ status }) => (Number(status & 0xffffn) & goal) === 0);
    if (data === undefined) continue;
    if (quiet !== true) await terminal.print(`image has data at offset ${data.offset}\n`);
    return 1;
  }
  return 0;
}

async function eraseAll(
  erasure: Erasure,
  device: BlockDevice,
  { offset, length }: DeviceRange,
  options: EraseOptions,
  terminal: Terminal,
): Promise<void> {
  const { signal } = terminal;
  const progress = createProgress(options, terminal, erasure.progress);
  const end = offset + length;
  let position = offset;
  try {
    while (position < end) {
      signal.throwIfAborted();
      // Pieces end at round places, so that no block is cut in two.
      const next = position - (position % pieceBytes) + pieceBytes;
      const pieceEnd = next < end ? next : end;
      await erasure.erase(device, position, pieceEnd - position, signal);
      position = pieceEnd;
      progress.update({ doneBytes: position - offset, totalBytes: length });
    }
    if (device.abilities.flush) await device.flush({ signal });
    progress.finish(true);
  } catch (error) {
    progress.finish(false);
    if (position > offset) {
      terminal.note(`nbd: it ended after bytes ${offset} to ${position - 1n}, which may be gone`);
    }
    throw error;
  }
}
