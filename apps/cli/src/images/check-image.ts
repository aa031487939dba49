/** Checks the image in a file, and repairs it. */
import { checkQcow2, isQcow2, type Qcow2Check } from '@nbdjs/images/qcow2';
import { openFileDevice } from '@nbdjs/storage/file';
import { argumentError } from '../errors/argument-error.ts';
import { naming } from './named-error.ts';

export type CheckReport = Qcow2Check;

/** @throws UsageError when it is no qcow2 image, or cannot be checked. */
export async function checkImage(
  path: string,
  repair: 'leaks' | 'all' | undefined,
  signal: AbortSignal,
): Promise<CheckReport> {
  const file = await openFileDevice(path, { readOnly: repair === undefined });
  try {
    const start = new Uint8Array(Math.min(512, Number(file.geometry.size)));
    await file.read(0, start);
    if (!isQcow2(start)) throw argumentError(`${path}: not a qcow2 image, and other formats cannot be checked`);
    return await naming(path, () => checkQcow2(file, { repair, signal }));
  } finally {
    await file.close();
  }
}
