/** The features that `nbd info --can` and its other spellings ask about. */
import type { TransmissionFlag } from '@nbdjs/client';

/** How a feature is recognised: by a transmission flag of the export, or by a result of the handshake. */
export type FeatureSource = keyof typeof TransmissionFlag | 'always' | 'extended' | 'structured' | 'tls' | 'writable';

/** By name, in lower case, with single hyphens between words. */
const features = {
  connect: 'always',
  // As nbdinfo has it: a client that can connect can read.
  read: 'always',
  write: 'writable',
  'read-only': 'ReadOnly',
  readonly: 'ReadOnly',
  rotational: 'Rotational',
  tls: 'tls',
  sr: 'structured',
  structured: 'structured',
  'structured-reply': 'structured',
  'structured-replies': 'structured',
  eh: 'extended',
  'extended-header': 'extended',
  'extended-headers': 'extended',
  'block-status-payload': 'BlockStatusPayload',
  cache: 'SendCache',
  df: 'SendDf',
  'fast-zero': 'SendFastZero',
  fastzero: 'SendFastZero',
  flush: 'SendFlush',
  fua: 'SendFua',
  'multi-conn': 'CanMultiConn',
  multiconn: 'CanMultiConn',
  trim: 'SendTrim',
  zero: 'SendWriteZeroes',
} as const satisfies Readonly<Record<string, FeatureSource>>;

/** The names for help and completion. */
export const featureNames = Object.keys(features);

/** Returns how a feature is recognised. Case does not matter, and words may be joined by `-`, `_` or a blank. */
export function featureSource(name: string): FeatureSource | undefined {
  const key = name.toLowerCase().replace(/[_ ]/g, '-');
  return Object.hasOwn(features, key) ? features[key as keyof typeof features] : undefined;
}
