/** All about images that the scripts of single commands do not have (`tsup.config.ts`). */
export { imageWriters, openImage, openPartitionOf } from './apart.ts';
export { openForReading, printImage } from './apart-for-info.ts';
