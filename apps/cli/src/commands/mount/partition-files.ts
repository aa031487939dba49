/** `--partitions`: a disk and its partitions as files. */
import type { MountedFile } from '@nbdjs/fuse';
import { listPartitions, openPartition } from '@nbdjs/images/partitions';
import type { BlockDevice } from '@nbdjs/interfaces';
import { naming } from '../../images/named-error.ts';

/**
 * Returns `disk` and `p1`, `p2` and so on by the numbers of the table. The partitions need not be closed: all that they have open is the disk.
 *
 * @throws UsageError with the name of the disk where there is no table.
 */
export async function partitionFiles(
  disk: BlockDevice,
  name: string,
  signal: AbortSignal,
): Promise<readonly MountedFile[]> {
  const { partitions } = await naming(name, () => listPartitions(disk, { signal }));
  const files: MountedFile[] = [{ name: 'disk', device: disk }];
  for (const { number } of partitions) {
    files.push({ name: `p${number}`, device: await openPartition(disk, number, { signal }) });
  }
  return files;
}
