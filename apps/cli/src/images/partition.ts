/** `--partition`: one partition of a disk. */
import { listPartitions, openPartition, type PartitionTable } from '@nbdjs/images/partitions';
import { argumentError } from '../errors/argument-error.ts';
import { naming } from './named-error.ts';
import type { ImageOpening, OpenedFile } from './opening.ts';
import type { ImageOptions } from './options.ts';

/**
 * Returns the partition that the options ask for, or the disk as it is. The device closes the disk; when this fails, the disk stays open.
 *
 * @throws UsageError with the name of the disk.
 */
export async function openPartitionOf(
  disk: OpenedFile,
  name: string,
  { partition }: Pick<ImageOptions, 'partition'>,
  { signal }: Pick<ImageOpening, 'signal'>,
): Promise<OpenedFile> {
  const { device, steps, parts } = disk;
  if (partition === undefined) return { device, steps, parts };
  return await naming(name, async () => {
    const number = /^\d+$/.test(partition)
      ? Number(partition)
      : numberOf(await listPartitions(device, { signal }), partition);
    const opened = await openPartition(device, number, { signal });
    return { device: opened, steps: [...steps, `partition ${number}`], parts };
  });
}

function numberOf({ partitions }: PartitionTable, name: string): number {
  const found = partitions.filter((one) => one.name === name);
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first.number;
  const names = partitions.map(({ number, name: own }) =>
    own === '' || own === undefined ? `${number}` : `${number} '${own}'`,
  );
  const problem =
    first === undefined ? `there is no partition '${name}'` : `there are ${found.length} partitions '${name}'`;
  throw argumentError(`--partition: ${problem}; the table has ${names.length === 0 ? 'none' : names.join(', ')}`);
}
