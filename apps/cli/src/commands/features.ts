/** The features that `nbd info --can` and its kin ask about. */
import type { ExportFacts } from '@nbdjs/interfaces';
import { TransmissionFlag } from '@nbdjs/protocol';

/** Answers from what a server tells about an export. */
export type FeatureTest = (facts: ExportFacts) => boolean;

const flag =
  (bit: number): FeatureTest =>
  ({ transmissionFlags }) =>
    (transmissionFlags & bit) !== 0;

const always: FeatureTest = () => true;
const structured: FeatureTest = ({ mode }) => mode !== 'simple';
const readOnly = flag(TransmissionFlag.ReadOnly);
const fastZero = flag(TransmissionFlag.SendFastZero);
const multiConn = flag(TransmissionFlag.CanMultiConn);

/** By name, in lower case, with single hyphens between words. */
const features: Readonly<Record<string, FeatureTest>> = {
  connect: always,
  read: always,
  write: (facts) => !readOnly(facts),
  'read-only': readOnly,
  readonly: readOnly,
  rotational: flag(TransmissionFlag.Rotational),
  tls: ({ tls }) => tls,
  sr: structured,
  structured,
  'structured-reply': structured,
  'structured-replies': structured,
  eh: ({ mode }) => mode === 'extended',
  'extended-header': ({ mode }) => mode === 'extended',
  'extended-headers': ({ mode }) => mode === 'extended',
  'block-status-payload': flag(TransmissionFlag.BlockStatusPayload),
  cache: flag(TransmissionFlag.SendCache),
  df: flag(TransmissionFlag.SendDf),
  'fast-zero': fastZero,
  fastzero: fastZero,
  flush: flag(TransmissionFlag.SendFlush),
  fua: flag(TransmissionFlag.SendFua),
  'multi-conn': multiConn,
  multiconn: multiConn,
  trim: flag(TransmissionFlag.SendTrim),
  zero: flag(TransmissionFlag.SendWriteZeroes),
};

/** The test for a feature; case does not matter, and words may be joined by `-`, `_` or a blank. */
export function featureOf(name: string): FeatureTest | undefined {
  const key = name.toLowerCase().replace(/[_ ]/g, '-');
  return Object.hasOwn(features, key) ? features[key] : undefined;
}

/** The names to be shown in help. */
export const featureNames = Object.keys(features);
