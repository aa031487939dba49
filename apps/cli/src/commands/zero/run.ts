/** `nbd zero`: zeroes in place of what is there, as nbdzero writes them. */
import { AllocationStatus, type BlockDevice, UsageError } from '@nbdjs/interfaces';
import type { CommandContext } from '../../options/command-context.ts';
import type { ReadableOperand } from '../../options/operand.ts';
import type { ZeroOptions } from './command.ts';
import { type Erasure, erase } from './erase.ts';

export async function run(
  { terminal }: CommandContext,
  options: ZeroOptions,
  operand: ReadableOperand,
): Promise<number> {
  const { fast, allocate } = options;
  const erasure: Erasure = {
    status: AllocationStatus.Zero,
    progress: 'zeroing',
    requirePossible({ abilities }, name) {
      if (fast === true && !abilities.fastZero) {
        throw new UsageError('ERR_NBD_NOT_SUPPORTED', `${name} cannot zero quickly (--fast)`);
      }
    },
    async erase(device, offset, length, signal) {
      if (device.abilities.writeZeroes) {
        await device.writeZeroes(offset, length, { noHole: allocate, fastZero: fast, signal });
      } else {
        await writeZeroes(device, offset, length, signal);
      }
    },
  };
  return await erase(erasure, operand, options, terminal);
}

const zeroes = new Uint8Array(2 ** 20);

/** Where a server has no command for it, zeroes are written like other bytes. */
async function writeZeroes(device: BlockDevice, offset: bigint, length: bigint, signal: AbortSignal): Promise<void> {
  for (let done = 0n; done < length; done += BigInt(zeroes.length)) {
    const left = length - done;
    await device.write(offset + done, left < zeroes.length ? zeroes.subarray(0, Number(left)) : zeroes, { signal });
  }
}
