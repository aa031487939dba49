/**
 * Disk images as block devices, over any block device. It opens no files. Each format has a door of its own (`@nbdjs/images/qcow2`, ...);
 * all but `/node` run without Node.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';
export * from './archives/index.ts';
export * from './codecs/index.ts';
export * from './compressed/index.ts';
export type { BitmapFacts, ImageDevice, ImageFacts, ImageReferenceFacts, SnapshotFacts } from './image-facts.ts';
export type { ImageReference, ImageResolver } from './image-reference.ts';
export * from './partitions/index.ts';
export * from './probe/index.ts';
export * from './qcow2/index.ts';
export * from './vhd/index.ts';
export * from './vhdx/index.ts';
export * from './vmdk/index.ts';
