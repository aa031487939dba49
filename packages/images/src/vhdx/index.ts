/**
 * Disks of Hyper-V: fixed, dynamic and differencing.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';

export type { BitmapFacts, ImageDevice, ImageFacts, ImageReferenceFacts, SnapshotFacts } from '../image-facts.ts';
export type { ImageReference, ImageResolver } from '../image-reference.ts';
export { openVhdx, type VhdxOptions } from './open-vhdx.ts';
