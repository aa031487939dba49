/** All that disks in stores of objects need. It is loaded by `load.ts`. */
export { printDisk } from '../commands/objects/info.ts';
export { openTargetDisk } from './copy-target.ts';
export { openDiskForReading, openDiskForWriting } from './open-disk.ts';
