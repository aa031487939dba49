/** `nbd resize`: gives a disk another size, wherever it is. */
import { type BlockDevice, type DeviceResizing, UsageError } from '@nbdjs/interfaces';
import { mayDo } from '../../confirmation.ts';
import { withTls } from '../../connecting/client-tls.ts';
import { openWritable } from '../../connecting/open-writable.ts';
import { argumentError } from '../../errors/argument-error.ts';
import { requireFiles } from '../../images/options.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { describeOperand, isServer, type ReadableOperand } from '../../options/operand.ts';
import { exactJson } from '../../render/exact-json.ts';
import type { ResizeOptions, WantedSize } from './command.ts';

export async function run(
  { terminal }: CommandContext,
  options: ResizeOptions,
  given: ReadableOperand,
  wanted: WantedSize,
): Promise<number> {
  const operand = withTls(given, options);
  requireFiles(options, [operand]);
  if (options.partition !== undefined) throw argumentError('--partition: only whole disks can be resized');
  const name = describeOperand(operand);
  const { device, leave } = await openWritable(operand, options, terminal);
  await using _ = leave;
  const resizing = resizingOf(device, operand, name);
  const before = device.geometry.size;
  const size = wanted.isMore ? before + wanted.bytes : wanted.bytes;
  if (size < before) {
    const what = `make ${name} ${size} bytes long, so that bytes ${size} to ${before - 1n} are lost for ever`;
    if (!(await mayDo(what, options, terminal))) return 1;
  }
  if (size !== before) {
    const { signal } = terminal;
    await resizing.resize(size, { signal });
    if (device.abilities.flush) await device.flush({ signal });
  }
  if (options.json === true) await terminal.print(`${exactJson({ before, after: device.geometry.size })}\n`);
  return 0;
}

/** @throws UsageError for a device whose size is fixed. */
function resizingOf({ resizing, abilities }: BlockDevice, operand: ReadableOperand, name: string): DeviceResizing {
  if (abilities.readOnly) throw new UsageError('ERR_NBD_READ_ONLY', `${name} is read-only`);
  if (resizing !== undefined) return resizing;
  const why = isServer(operand)
    ? 'the server does not offer the resize extension for this export'
    : 'only files, qcow2 images and disks in stores can have another size';
  throw new UsageError('ERR_NBD_NOT_SUPPORTED', `${name} cannot be resized: ${why}`);
}
