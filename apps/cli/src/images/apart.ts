/** What opens images, which is loaded only when there is one. */
export { imageWriters } from './image-writers.ts';
export { openImage, openPartitionOf } from './open-image.ts';
