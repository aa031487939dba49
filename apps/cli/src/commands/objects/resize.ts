/** `nbd objects resize`: gives a disk another size. */
import { argumentError } from '../../errors/argument-error.ts';
import type { DiskOperand } from '../../objects/disk-operand.ts';
import { openDiskForWriting } from '../../objects/open-disk.ts';
import type { CommandContext } from '../../options/command-context.ts';
import type { ResizeOptions } from './command.ts';

export async function run(
  { terminal }: CommandContext,
  options: ResizeOptions,
  operand: DiskOperand,
  size: bigint,
): Promise<number> {
  const device = await openDiskForWriting(operand, options, terminal);
  try {
    const present = device.geometry.size;
    if (size < present && options.shrink !== true) {
      throw argumentError(
        `${operand.word} has ${present} bytes, and would lose what lies behind ${size}: say --shrink`,
      );
    }
    await device.resizing?.resize(size);
  } finally {
    await device.close();
  }
  return 0;
}
