/** `nbd copy --verify` */
import { compareDevices } from '@nbdjs/copy';
import { CommandError } from '@nbdjs/interfaces';
import type { Progress } from '../../render/progress.ts';
import { streamError } from './conflicts.ts';
import { type CopyJob, sharedTransferOptions } from './copy-job.ts';

/** @throws CommandError when the two sides differ. */
export async function verify(job: CopyJob, progress: Progress): Promise<void> {
  const { from, to } = job;
  if (from.type !== 'device' || to.type !== 'device') throw streamError('--verify');
  const { differsAt } = await compareDevices(from.device, to.device, sharedTransferOptions(job, progress));
  if (differsAt === undefined) return;
  throw new CommandError('EIO', `verification failed: source and destination differ at byte ${differsAt}`);
}
