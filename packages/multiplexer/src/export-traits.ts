/** What the facts of a connection mean for those who use the device. */
import { type Abilities, type ExportFacts, type Geometry, limits, NegotiationError } from '@nbdjs/interfaces';
import { TransmissionFlag } from '@nbdjs/protocol';

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

/**
 * Holds a new connection's facts against those that the users of the device rely on. More than before is welcome.
 *
 * @throws NegotiationError `ERR_NBD_FACTS_CHANGED`, naming the difference.
 */
export function requireSameExport(before: ExportFacts, after: ExportFacts): void {
  const complain = (what: string): never => {
    throw new NegotiationError('ERR_NBD_FACTS_CHANGED', `after reconnecting, the export ${what}`, { permanent: true });
  };
  if (after.size !== before.size) complain(`has ${after.size} bytes instead of ${before.size}`);
  const old = abilitiesOf(before);
  const now = abilitiesOf(after);
  if (now.readOnly !== old.readOnly) complain(now.readOnly ? 'is read-only' : 'is not read-only any more');
  for (const ability of ['flush', 'fua', 'trim', 'writeZeroes', 'fastZero', 'cache'] as const) {
    if (old[ability] && !now[ability]) complain(`does not offer ${ability} any more`);
  }
  const [sizes, newSizes] = [geometryOf(before), geometryOf(after)];
  if (newSizes.minimumBlockSize > sizes.minimumBlockSize) {
    complain(`wants blocks of ${newSizes.minimumBlockSize} bytes instead of ${sizes.minimumBlockSize}`);
  }
  if (newSizes.maximumBlockSize < sizes.maximumBlockSize) {
    complain(`takes at most ${newSizes.maximumBlockSize} bytes instead of ${sizes.maximumBlockSize}`);
  }
  const missing = before.contexts.find(({ name }) => !after.contexts.some((context) => context.name === name));
  if (missing !== undefined) complain(`does not offer the context ${missing.name} any more`);
  if (after.mode !== before.mode) complain(`is reached with ${after.mode} headers instead of ${before.mode}`);
}
