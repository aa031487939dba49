/** The header of a request, read. */
import { HeaderBytes, TransmissionMagic } from '@nbdjs/protocol';
import type { Request } from './requests-in-flight.ts';

/** Returns the request whose header begins there; `undefined` when the bytes are too few, or no request. */
export function readRequestHeader(view: DataView): Request | undefined {
  if (view.byteLength < HeaderBytes.Request) return undefined;
  const magic = view.getUint32(0);
  const isExtended = magic === TransmissionMagic.ExtendedRequest;
  if (!isExtended && magic !== TransmissionMagic.Request) return undefined;
  if (isExtended && view.byteLength < HeaderBytes.ExtendedRequest) return undefined;
  return {
    flags: view.getUint16(4),
    command: view.getUint16(6),
    cookie: view.getBigUint64(8),
    offset: view.getBigUint64(16),
    length: isExtended ? view.getBigUint64(24) : BigInt(view.getUint32(24)),
  };
}
