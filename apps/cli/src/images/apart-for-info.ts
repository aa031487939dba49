/** What commands about servers need only for files. */
export { openForReading } from './open-for-reading.ts';
export { openPartitionOf } from './partition.ts';
export { printImage } from './print-image.ts';
