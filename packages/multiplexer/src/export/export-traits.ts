/** What the facts of a connection mean for the users of the device. */
import { type Abilities, type ExportFacts, type Geometry, limits, NegotiationError } from '@nbdjs/interfaces';
import { flagNames, TransmissionFlag, transmissionFlags } from '@nbdjs/protocol';

/** Sizes to assume where the server names none ("Block size constraints" of the specification). */
const defaults = { minimum: 1, preferred: 4096 };

export function geometryOf(facts: ExportFacts): Geometry {
  const { blockSizes, size } = facts;
  return {
    size,
    minimumBlockSize: blockSizes?.minimum ?? defaults.minimum,
    preferredBlockSize: blockSizes?.preferred ?? defaults.preferred,
    maximumBlockSize:
      blockSizes === undefined ? limits.payloadBytesDefault : Math.min(blockSizes.maximum, limits.payloadBytesMax),
  };
}

export function abilitiesOf(facts: ExportFacts): Abilities {
  const flags = facts.transmissionFlags;
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const readOnly = has(TransmissionFlag.ReadOnly);
  return {
    readOnly,
    flush: has(TransmissionFlag.SendFlush),
    fua: has(TransmissionFlag.SendFua) && !readOnly,
    trim: has(TransmissionFlag.SendTrim) && !readOnly,
    writeZeroes: has(TransmissionFlag.SendWriteZeroes) && !readOnly,
    fastZero: has(TransmissionFlag.SendFastZero) && has(TransmissionFlag.SendWriteZeroes) && !readOnly,
    cache: has(TransmissionFlag.SendCache),
    multiConn: has(TransmissionFlag.CanMultiConn),
    rotational: has(TransmissionFlag.Rotational),
    contexts: facts.contexts.map(({ name }) => name),
  };
}

/** What users of the device may rely on. The others are hints, or restrictions. */
const requiredFlags =
  TransmissionFlag.SendFlush |
  TransmissionFlag.SendFua |
  TransmissionFlag.SendTrim |
  TransmissionFlag.SendWriteZeroes |
  TransmissionFlag.SendDf |
  TransmissionFlag.CanMultiConn |
  TransmissionFlag.SendCache |
  TransmissionFlag.SendFastZero |
  TransmissionFlag.BlockStatusPayload;

/**
 * Compares a new connection's facts with those that the users of the device rely on. More than before is welcome.
 *
 * @returns a NegotiationError `ERR_NBD_FACTS_CHANGED` that names the first difference, or `undefined`.
 */
export function mismatchOf(before: ExportFacts, after: ExportFacts): NegotiationError | undefined {
  const difference = differenceOf(before, after);
  if (difference === undefined) return undefined;
  const message = `after reconnecting, the export ${difference}`;
  return new NegotiationError('ERR_NBD_FACTS_CHANGED', message, { permanent: true });
}

function differenceOf(before: ExportFacts, after: ExportFacts): string | undefined {
  if (after.size !== before.size) return `has ${after.size} bytes instead of ${before.size}`;
  if (after.mode !== before.mode) return `is reached with ${after.mode} headers instead of ${before.mode}`;
  const lacking = flagNames(transmissionFlags, before.transmissionFlags & requiredFlags & ~after.transmissionFlags);
  if (lacking.length > 0) return `does not offer ${lacking.join(', ')} any more`;
  if (abilitiesOf(after).readOnly && !abilitiesOf(before).readOnly) return 'is read-only';
  const [sizes, newSizes] = [geometryOf(before), geometryOf(after)];
  if (newSizes.minimumBlockSize > sizes.minimumBlockSize) {
    return `requires blocks of ${newSizes.minimumBlockSize} bytes instead of ${sizes.minimumBlockSize}`;
  }
  if (newSizes.maximumBlockSize < sizes.maximumBlockSize) {
    return `takes at most ${newSizes.maximumBlockSize} bytes instead of ${sizes.maximumBlockSize}`;
  }
  const missing = before.contexts.find(({ name }) => !after.contexts.some((context) => context.name === name));
  return missing === undefined ? undefined : `does not offer the context ${missing.name} any more`;
}
