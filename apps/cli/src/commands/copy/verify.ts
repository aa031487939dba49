/** `nbd copy --verify` */
import { compareDevices } from '@nbdjs/copy';
import { type BlockDevice, CommandError } from '@nbdjs/interfaces';
import { createSliceLayer, openFileDevice } from '@nbdjs/storage';
import { openFileOperand } from '../../images/open-file.ts';
import { imageNotes } from '../../images/opening.ts';
import type { Progress } from '../../render/progress.ts';
import { streamError } from './conflicts.ts';
import { type CopyJob, sharedTransferOptions } from './copy-job.ts';
import type { DeviceSide, ImageTarget } from './side.ts';

/** @throws CommandError when the two sides differ. */
export async function verify(job: CopyJob, progress: Progress): Promise<void> {
  const { from, to } = job;
  if (from.type !== 'device' || to.type === 'stream') throw streamError('--verify');
  const options = sharedTransferOptions(job, progress);
  if (to.type === 'image' && to.differsAt !== undefined) {
    requireSame(await to.differsAt(from.device, options));
    return;
  }
  const written = to.type === 'device' ? undefined : await openWritten(to, from.device.geometry.size, job);
  try {
    const target = written ?? (to as DeviceSide).device;
    requireSame((await compareDevices(from.device, target, options)).differsAt);
  } finally {
    await written?.close();
  }
}

/** @throws CommandError for a difference. */
export function requireSame(differsAt: bigint | undefined): void {
  if (differsAt === undefined) return;
  throw new CommandError('EIO', `verification failed: source and destination differ at byte ${differsAt}`);
}

/** Opens an image that was written. Its disk may be longer than the source by a part of a sector. */
async function openWritten(
  { name, format }: ImageTarget,
  size: bigint,
  { terminal, options }: CopyJob,
): Promise<BlockDevice> {
  const openFile = (path: string, readOnly: boolean) => openFileDevice(path, { readOnly });
  if (format === 'changes') throw new Error('changes are no image of a disk');
  const opening = { isReading: true, openFile, ...imageNotes(terminal, options.quiet) };
  const { device } = await openFileOperand(name, { format, references: 'deny' }, opening);
  return createSliceLayer(device, { offset: 0, length: size });
}
