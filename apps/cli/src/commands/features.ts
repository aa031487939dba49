/** The features that `nbd info --can` and its kin ask about. */
import type { ExportFacts } from '@nbdjs/interfaces';
import { TransmissionFlag } from '@nbdjs/protocol';
import type { ProtocolView } from '../render/export.ts';

/** Answers from what was agreed on with the server, or from what it tells about the export, which is asked for only then. */
export type Feature = (connection: ProtocolView, facts: () => Promise<ExportFacts>) => boolean | Promise<boolean>;

const flag =
  (bit: number): Feature =>
  async (_, facts) =>
    ((await facts()).transmissionFlags & bit) !== 0;

const connect: Feature = () => true;
const structured: Feature = ({ mode }) => mode !== 'simple';
const extended: Feature = ({ mode }) => mode === 'extended';
const readOnly = flag(TransmissionFlag.ReadOnly);
const fastZero = flag(TransmissionFlag.SendFastZero);
const multiConn = flag(TransmissionFlag.CanMultiConn);

/** By name, in lower case, with single hyphens between words. */
const features: Readonly<Record<string, Feature>> = {
  connect,
  // As nbdinfo sees it: who can connect can read.
  read: connect,
  write: async (connection, facts) => !(await readOnly(connection, facts)),
  'read-only': readOnly,
  readonly: readOnly,
  rotational: flag(TransmissionFlag.Rotational),
  tls: ({ tls }) => tls,
  sr: structured,
  structured,
  'structured-reply': structured,
  'structured-replies': structured,
  eh: extended,
  'extended-header': extended,
  'extended-headers': extended,
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
export function featureOf(name: string): Feature | undefined {
  const key = name.toLowerCase().replace(/[_ ]/g, '-');
  return Object.hasOwn(features, key) ? features[key] : undefined;
}

/** The names to be shown in help. */
export const featureNames = Object.keys(features);
