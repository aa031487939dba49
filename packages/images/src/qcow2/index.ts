/**
 * qcow2, QEMU's format of disk images.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';
export type { Codecs, Deflate, Inflate } from '../codecs/codecs.ts';
export type { BitmapFacts, ImageDevice, ImageFacts, ImageReferenceFacts, SnapshotFacts } from '../image-facts.ts';
export type { ImageReference, ImageResolver } from '../image-reference.ts';
export { readQcow2Facts } from './facts.ts';
export {
  Autoclear,
  Compatible,
  type FeatureKind,
  type FeatureName,
  featureKinds,
  Incompatible,
  knownFeatures,
  nameFeatures,
} from './features.ts';
export {
  compressionTypes,
  decodeQcow2Header,
  encodeQcow2Header,
  encryptionMethods,
  isQcow2,
  type Qcow2Compression,
  type Qcow2Encryption,
  type Qcow2Header,
  qcow2HeaderClusterBytes,
} from './header.ts';
export {
  type BitmapsExtension,
  bitmapsExtension,
  ExtensionType,
  extensionText,
  featureNames,
  featureNamesExtension,
  findExtension,
  type HeaderExtension,
  makeBitmapsExtension,
  textExtension,
} from './header-extensions.ts';
export { openQcow2, type Qcow2Options } from './open-qcow2.ts';
export { readQcow2Header } from './read-header.ts';
