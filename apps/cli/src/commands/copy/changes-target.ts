/** A destination of `nbd copy` that is a file of changes. */
import { type CopyReport, compareChanges, writeChanges } from '@nbdjs/copy';
import type { BlockDevice } from '@nbdjs/interfaces';
import { type BackupOrigin, changesIn, sha256 } from './backup.ts';
import type { ImageFile, ImageTarget, ImageWriting } from './side.ts';

/** `openFile` opens the place where the bytes go. */
export function changesTarget(
  name: string,
  origin: BackupOrigin | undefined,
  openFile: () => Promise<ImageFile>,
): ImageTarget {
  if (origin === undefined) throw new Error('a file of changes needs an id');
  return {
    type: 'image',
    format: 'changes',
    name,
    write: (source, writing) => write(source, origin, openFile, writing),
    differsAt: (source, reading) => compareChanges(changesIn(name), source, reading),
  };
}

async function write(
  source: BlockDevice,
  origin: BackupOrigin,
  openFile: () => Promise<ImageFile>,
  { flush, reading }: ImageWriting,
): Promise<CopyReport> {
  const file = await openFile();
  try {
    const report = await writeChanges(source, (chunk) => file.write(chunk), { ...origin, createHash: sha256 }, reading);
    await file.end(flush);
    return report;
  } catch (error) {
    await file.abandon();
    throw error;
  }
}
