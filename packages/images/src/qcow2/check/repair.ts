/** Repair of an image: refcounts and marks are made to say what the references say. The content of the disk is not changed. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { WritableFile } from '../../device/writable-file.ts';
import { Incompatible } from '../features.ts';
import type { Qcow2Header } from '../header.ts';
import { readQcow2Header } from '../read-header.ts';
import { HeaderFields } from '../write/header-fields.ts';
import type { Qcow2Check, RepairLevel } from './findings.ts';
import { Fixer } from './fixer.ts';
import { ImageCheck, type ImageCheckSettings } from './image-check.ts';
import { rebuildRefcounts } from './rebuild-refcounts.ts';

/** Repairs an image, and returns what was found, and what is left. */
export async function repairQcow2(
  device: BlockDevice,
  opened: Qcow2Header,
  level: RepairLevel,
  settings: ImageCheckSettings,
): Promise<Qcow2Check> {
  const file = new WritableFile(device);
  const found = await ImageCheck.run(file, opened, settings);
  const before = found.result;
  let header = opened;
  if (level === 'all' && found.needsRebuild) {
    await rebuildRefcounts(file, header, settings);
    header = await readQcow2Header(device, { signal: settings.signal });
  }
  let after = before;
  if (before.corruptions + before.leaks > 0) {
    const fixer = new Fixer(file, header, level, !found.hasLostReferences);
    await ImageCheck.run(file, header, settings, fixer);
    await fixer.store();
    after = (await ImageCheck.run(file, header, settings)).result;
  }
  const flags = Incompatible.Dirty | Incompatible.Corrupt;
  if (level === 'all' && after.corruptions === 0 && (header.incompatible & flags) !== 0n) {
    const fields = await HeaderFields.read(file);
    await fields.store({ incompatible: header.incompatible & ~flags });
    await file.flush();
  }
  const left = new Set(after.findings.map((one) => one.message));
  return {
    ...after,
    corruptionsRepaired: Math.max(0, before.corruptions - after.corruptions),
    leaksRepaired: Math.max(0, before.leaks - after.leaks),
    findings: before.findings.map((one) => ({ ...one, isRepaired: !left.has(one.message) })),
  };
}
