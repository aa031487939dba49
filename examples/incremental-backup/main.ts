import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NbdClient } from '@nbdjs/client';
import { compareDevices } from '@nbdjs/copy';
import { openFileDevice } from '@nbdjs/storage';
import { fullBackup, incrementalBackup, restore } from './backup.ts';
import { QemuImage } from './qemu-image.ts';

const mebi = 2 ** 20;
const folder = mkdtempSync(join(tmpdir(), 'nbdjs-example-'));
const image = await QemuImage.create(join(folder, 'disk.qcow2'), 64 * mebi);

/** As a machine would. */
async function write(offset: number, length: number, value: number): Promise<void> {
  const change = async (disk: NbdClient) => {
    await disk.write(offset, new Uint8Array(length).fill(value));
    await disk.flush();
  };
  await image.use(change, { readOnly: false });
}

await write(0, 4 * mebi, 1);
await fullBackup(image, folder);
console.log('full backup');

for (const number of [1, 2]) {
  await write(number * mebi, 65_536, 10 + number);
  await write((20 + number) * mebi, 131_072, 20 + number);
  const { ranges } = await incrementalBackup(image, folder, number);
  for (const { offset, length } of ranges) console.log(`backup ${number}: ${length} bytes at ${offset}`);
}

const restored = join(folder, 'restored.img');
await restore(folder, 2, restored);
const copy = await openFileDevice(restored, { readOnly: true });
const { differsAt } = await image.use((disk) => compareDevices(disk, copy));
await copy.close();
console.log(differsAt === undefined ? 'the restored disk is equal' : `it differs at byte ${differsAt}`);
rmSync(folder, { recursive: true });
