/** What a client is told of an export in the handshake. */
import type { ExportOffer, Refusal } from '@nbdjs/handshake';
import { type BlockSizes, limits, NegotiationError, UsageError } from '@nbdjs/interfaces';
import { minimumBlockSizeMax, printableText, TransmissionFlag } from '@nbdjs/protocol';
import type { Export } from './export.ts';

/** @throws UsageError when the device's size or block sizes cannot be announced. */
export function offerOf(one: Export, payloadBytesMax: number, connectionsMax = 0): ExportOffer {
  const { device, description } = one;
  const { geometry, abilities } = device;
  if (geometry.size < 0n || geometry.size > 0x7fff_ffff_ffff_ffffn) {
    throw new UsageError('ERR_NBD_ARGUMENT', `a device of ${geometry.size} bytes cannot be exported`);
  }
  return {
    size: geometry.size,
    transmissionFlags: flagsOf(one, connectionsMax),
    blockSizes: blockSizesOf(one, payloadBytesMax),
    description,
    contexts: abilities.contexts,
  };
}

/** S13: powers of two, the preferred one at least 512, the maximum a multiple of the minimum. */
function blockSizesOf({ device: { geometry, takesAnyRange } }: Export, payloadBytesMax: number): BlockSizes {
  // A device with larger blocks than NBD can announce makes requests fit them.
  const largest = takesAnyRange === true ? minimumBlockSizeMax : geometry.minimumBlockSize;
  const minimum = Math.min(geometry.minimumBlockSize, largest);
  const most = Math.min(geometry.maximumBlockSize, payloadBytesMax, limits.payloadBytesMax);
  return {
    minimum,
    preferred: Math.max(minimum, geometry.preferredBlockSize, 512),
    maximum: Math.max(minimum, most - (most % minimum)),
  };
}

/** Programs that copy open so many connections where they may. With fewer places they would not get all of them. */
const usualConnections = 4;

/** A client that holds some connections and waits for more would wait for itself, so the announcement has to fit the places. */
function announcesMultiConn(multiConn: boolean | undefined, connectionsMax: number): boolean {
  if (connectionsMax === 1) return false;
  return multiConn ?? (connectionsMax === 0 || connectionsMax >= usualConnections);
}

function flagsOf(
  { device: { abilities, resizing }, readOnly, multiConn, resizable }: Export,
  connectionsMax: number,
): number {
  const isReadOnly = readOnly === true || abilities.readOnly;
  const canWrite: number = isReadOnly
    ? TransmissionFlag.ReadOnly
    : when(abilities.trim, TransmissionFlag.SendTrim) |
      when(abilities.writeZeroes, TransmissionFlag.SendWriteZeroes) |
      when(abilities.fastZero, TransmissionFlag.SendFastZero) |
      when(resizable === true && resizing !== undefined, TransmissionFlag.SendResize);
  return (
    canWrite |
    when(abilities.flush, TransmissionFlag.SendFlush) |
    // Where the device does not know FUA, a write followed by a flush is as good.
    when(abilities.fua || abilities.flush, TransmissionFlag.SendFua) |
    when(abilities.cache, TransmissionFlag.SendCache) |
    when(abilities.rotational, TransmissionFlag.Rotational) |
    when(announcesMultiConn(multiConn, connectionsMax), TransmissionFlag.CanMultiConn)
  );
}

function when(condition: boolean, flag: number): number {
  return condition ? flag : 0;
}

/** The refusal behind what a provider has thrown. */
export function refusalOf(thrown: unknown): Refusal {
  const text = thrown instanceof Error ? printableText(thrown.message.slice(0, 2000), 1000) : undefined;
  return { refusal: thrown instanceof NegotiationError ? 'policy' : 'platform', text };
}
