/** New refcounts behind the end of the file, from the references alone: for images whose refcount table cannot be repaired. */
import { CommandError } from '@nbdjs/interfaces';
import type { WritableFile } from '../../device/writable-file.ts';
import { unsupportedImage } from '../../image-errors.ts';
import type { Qcow2Header } from '../header.ts';
import { refcountTableBytesMax } from '../limits.ts';
import { HeaderFields } from '../write/header-fields.ts';
import { ClusterTally } from './cluster-tally.ts';
import { ImageCheck, type ImageCheckSettings } from './image-check.ts';

/** Where the new refcounts are, in clusters. */
interface Plan {
  /** Numbers of the blocks that are needed, ascending. */
  readonly blocks: readonly number[];
  readonly tableClusters: number;
  readonly first: number;
}

/** The header refers to the new refcounts when they are on stable storage; the clusters of the old ones are free then. */
export async function rebuildRefcounts(
  file: WritableFile,
  header: Qcow2Header,
  settings: ImageCheckSettings,
): Promise<void> {
  const clusterBytes = 2 ** header.clusterBits;
  const check = new ImageCheck(file, header, settings);
  await check.open();
  const tally = new ClusterTally(settings.memoryBytes);
  await check.count(tally, false, false);
  if (tally.end !== Number.POSITIVE_INFINITY) {
    throw unsupportedImage(
      'the image is scattered over so much of its file that its refcounts cannot be rebuilt in this memory',
    );
  }
  const { bits } = check;
  const perBlock = (clusterBytes * 8) / bits.bits;
  const plan = planRefcounts(tally, Math.ceil(file.size / clusterBytes), perBlock, clusterBytes);
  const end = plan.first + plan.blocks.length + plan.tableClusters;
  await file.require(end * clusterBytes);
  file.use(end * clusterBytes);
  const table = new DataView(new ArrayBuffer(plan.tableClusters * clusterBytes));
  for (const [position, index] of plan.blocks.entries()) {
    const block = new DataView(new ArrayBuffer(clusterBytes));
    for (let within = 0; within < perBlock; within++) {
      const cluster = index * perBlock + within;
      const own = cluster >= plan.first && cluster < end ? 1 : 0;
      const count = Math.min(bits.max, tally.count(cluster) + own);
      if (count > 0) bits.set(block, within, count);
    }
    const offset = (plan.first + position) * clusterBytes;
    await file.write(offset, new Uint8Array(block.buffer));
    table.setBigUint64(8 * index, BigInt(offset));
  }
  const tableOffset = (plan.first + plan.blocks.length) * clusterBytes;
  await file.write(tableOffset, new Uint8Array(table.buffer));
  await file.flush();
  const fields = await HeaderFields.read(file);
  await fields.store({
    refcountTableOffset: BigInt(tableOffset),
    refcountTableClusters: BigInt(plan.tableClusters),
  });
  await file.flush();
  await file.shorten();
}

/** The new refcounts count their own clusters, too, which may need more of them. */
function planRefcounts(tally: ClusterTally, first: number, perBlock: number, clusterBytes: number): Plan {
  const needed = new Set<number>();
  for (const [start, counts] of tally.runs()) {
    for (const [within, count] of counts.entries()) if (count > 0) needed.add(Math.floor((start + within) / perBlock));
  }
  for (;;) {
    let last = 0;
    for (const index of needed) last = Math.max(last, index);
    const tableClusters = Math.max(1, Math.ceil((8 * (last + 1)) / clusterBytes));
    if (tableClusters * clusterBytes > refcountTableBytesMax) {
      throw new CommandError('ENOSPC', `the refcount table would need more than ${refcountTableBytesMax} bytes`);
    }
    const before = needed.size;
    const end = first + needed.size + tableClusters;
    for (let index = Math.floor(first / perBlock); index <= Math.floor((end - 1) / perBlock); index++)
      needed.add(index);
    if (needed.size === before) {
      return { blocks: [...needed].sort((one, other) => one - other), tableClusters, first };
    }
  }
}
