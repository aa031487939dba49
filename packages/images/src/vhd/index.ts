/**
 * Disks of Virtual PC, Xen and Azure: fixed, dynamic and differencing ones read, dynamic ones written.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';

export type { BitmapFacts, ImageDevice, ImageFacts, ImageReferenceFacts, SnapshotFacts } from '../image-facts.ts';
export type { ImageReference, ImageResolver } from '../image-reference.ts';
export { openVhd, type VhdOptions } from './open-vhd.ts';
export { type WriteVhdOptions, writeVhdStream } from './write-vhd.ts';
