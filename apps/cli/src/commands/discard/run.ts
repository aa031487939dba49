/** `nbd discard`: what is there is no longer needed, as nbddiscard says to a server. */
import { AllocationStatus, UsageError } from '@nbdjs/interfaces';
import type { CommandContext } from '../../options/command-context.ts';
import type { ReadableOperand } from '../../options/operand.ts';
import { type Erasure, erase } from '../zero/erase.ts';
import type { DiscardOptions } from './command.ts';

const erasure: Erasure = {
  status: AllocationStatus.Hole,
  progress: 'discarding',
  requirePossible({ abilities }, name) {
    if (!abilities.trim) throw new UsageError('ERR_NBD_NOT_SUPPORTED', `${name} cannot discard (trim)`);
  },
  async erase(device, offset, length, signal) {
    await device.trim(offset, length, { signal });
  },
};

export async function run(
  { terminal }: CommandContext,
  options: DiscardOptions,
  operand: ReadableOperand,
): Promise<number> {
  return await erase(erasure, operand, options, terminal);
}
