/** What has to hold before a copy begins. */
import { type BlockDevice, UsageError } from '@nbdjs/interfaces';
import type { CopyOptions } from './options.ts';

/** @throws UsageError */
export function requireFit(source: BlockDevice, target: BlockDevice): void {
  if (target.abilities.readOnly) throw new UsageError('ERR_NBD_READ_ONLY', 'the target is read-only');
  const [from, to] = [source.geometry.size, target.geometry.size];
  if (from > to) {
    throw new UsageError(
      'ERR_NBD_OUT_OF_BOUNDS',
      `the target has ${to} bytes, which is less than the source's ${from}`,
    );
  }
}

/** @throws UsageError */
export function requireStart(startAt: bigint, size: bigint, align: bigint): void {
  if (startAt === size || (startAt >= 0n && startAt < size && startAt % align === 0n)) return;
  throw new UsageError(
    'ERR_NBD_ARGUMENT',
    `startAt is ${startAt}, expected ${size}, or less and a multiple of ${align}`,
  );
}

/** @throws UsageError */
export function requireMarks(
  source: BlockDevice,
  { changed, checkpoint }: Pick<CopyOptions, 'changed' | 'checkpoint'>,
): void {
  if (changed === undefined) return;
  if (checkpoint !== undefined) {
    throw new UsageError('ERR_NBD_ARGUMENT', 'changed and checkpoint exclude each other');
  }
  if (!source.abilities.contexts.includes(changed)) {
    const message = `the source has no metadata context '${changed}', expected one that marks what has changed`;
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
  }
}
