/** What opens images, which is loaded only when there is one. */

export { checkImage } from './check-image.ts';
export { commitImage } from './commit-image.ts';
export { createDisk, writeDisk } from './create-image.ts';
export { imageWriters } from './image-writers.ts';
export { openImage, openPartitionOf } from './open-image.ts';
export { rebaseImage, renameBacking } from './rebase-image.ts';
