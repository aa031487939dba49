/**
 * qcow2, QEMU's format of disk images.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';
export type { Codecs, Deflate, Inflate } from '../codecs/codecs.ts';
export type { BitmapFacts, ImageDevice, ImageFacts, ImageReferenceFacts, SnapshotFacts } from '../image-facts.ts';
export type { ImageReference, ImageResolver } from '../image-reference.ts';
export {
  type CommitQcow2Options,
  type CommitReport,
  commitQcow2,
  emptyQcow2,
} from './chain/commit-qcow2.ts';
export { type BackingName, type RebaseQcow2Options, rebaseQcow2, setQcow2Backing } from './chain/rebase-qcow2.ts';
export { checkQcow2, type Qcow2CheckOptions } from './check/check-qcow2.ts';
export type { Qcow2Check, Qcow2Finding } from './check/findings.ts';
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
export { createQcow2 } from './write/create-qcow2.ts';
export type { Qcow2Shape } from './write/image-shape.ts';
export { openWritableQcow2, type WritableQcow2Options } from './write/open-writable-qcow2.ts';
export { type WriteQcow2Options, writeQcow2 } from './write/write-qcow2.ts';
