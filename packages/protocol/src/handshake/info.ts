/** Information about an export (`NBD_REP_INFO`, "NBD_INFO_* types"), both ways. */
import type { BlockSizes } from '@nbdjs/interfaces';
import { InfoType } from '../constants/constants.ts';
import { Malformed } from '../malformed.ts';
import { PayloadReader } from './payload-reader.ts';
import { PayloadWriter } from './payload-writer.ts';

/** One piece of information. */
export type Info =
  | {
      readonly kind: 'export';
      /** In bytes. */
      readonly size: bigint;
      /** 16 bits, see `TransmissionFlag`. */
      readonly transmissionFlags: number;
    }
  | {
      readonly kind: 'name';
      /** The server's own name of the export; it can differ from the one that the client asked for. */
      readonly name: string;
    }
  | {
      readonly kind: 'description';
      /** For people; see `decodeDisplayText` for bytes that are not UTF-8. */
      readonly description: string;
    }
  | {
      readonly kind: 'block-size';
      /** In bytes, checked by `faultOfBlockSizes`. */
      readonly blockSizes: BlockSizes;
    }
  /** A type that this package does not know; clients ignore it (C12). */
  | { readonly kind: 'unknown'; readonly infoType: number };

/** The known pieces: those that can be encoded. */
export type KnownInfo = Exclude<Info, { kind: 'unknown' }>;

/** The specification's limit for a minimum block size (S13), which servers keep to. */
export const minimumBlockSizeMax = 65_536;

/**
 * What a client accepts: qemu-nbd announces its clusters of 2 MiB where it has to write whole ones, and to respect that costs little. A
 * longer block would not fit into a request.
 */
const minimumBlockSizeTaken = 32 * 2 ** 20;

/** "No limit" as maximum block size. */
export const maximumBlockSizeUnlimited = 0xffff_ffff;

/** Payload of an `INFO` reply. */
export function encodeInfo(info: KnownInfo): Uint8Array {
  const writer = new PayloadWriter();
  switch (info.kind) {
    case 'export':
      return writer.u16(InfoType.Export).u64(info.size).u16(info.transmissionFlags).finish();
    case 'name':
      return writer.u16(InfoType.Name).text(info.name, 'export name').finish();
    case 'description':
      return writer.u16(InfoType.Description).text(info.description, 'description').finish();
    case 'block-size': {
      const { minimum, preferred, maximum } = info.blockSizes;
      return writer.u16(InfoType.BlockSize).u32(minimum).u32(preferred).u32(maximum).finish();
    }
  }
}

/** Parses the payload of an `INFO` reply, and checks its lengths and block sizes. */
export function parseInfo(payload: Uint8Array): Info | Malformed {
  const reader = new PayloadReader(payload, 'INFO reply', 'S7');
  const infoType = reader.u16('information type');
  switch (infoType) {
    case InfoType.Export:
      return reader.finish({ kind: 'export', size: reader.u64('size'), transmissionFlags: reader.u16('flags') });
    case InfoType.Name:
      return reader.finish({ kind: 'name', name: reader.name(reader.remaining, 'export name') });
    case InfoType.Description:
      return reader.finish({ kind: 'description', description: reader.displayText(reader.remaining, 'description') });
    case InfoType.BlockSize:
      return parseBlockSize(reader);
    default:
      return { kind: 'unknown', infoType };
  }
}

/**
 * Returns what is wrong with block sizes ("Block size constraints"), or `undefined`.
 *
 * Accepted on purpose, because real servers send it and clients can work with it: a minimum above 65536 (up to 32 MiB), a preferred
 * size below 512, a maximum that is no multiple of the minimum, and a maximum below the preferred size (allowed for small exports).
 */
export function faultOfBlockSizes({ minimum, preferred, maximum }: BlockSizes): Malformed | undefined {
  if (!isPowerOfTwo(minimum) || minimum > minimumBlockSizeTaken) {
    const message = `expected a power of two up to ${minimumBlockSizeTaken} as minimum block size, got ${minimum}`;
    return new Malformed('bad-minimum-block-size', message, 'S13');
  }
  if (!isPowerOfTwo(preferred) || preferred < minimum) {
    const message = `expected a power of two from ${minimum} on as preferred block size, got ${preferred}`;
    return new Malformed('bad-preferred-block-size', message, 'S13');
  }
  if (maximum < minimum) {
    const message = `expected a maximum block size of at least ${minimum}, got ${maximum}`;
    return new Malformed('bad-maximum-block-size', message, 'S13');
  }
  return undefined;
}

function parseBlockSize(reader: PayloadReader): Info | Malformed {
  const blockSizes = {
    minimum: reader.u32('minimum block size'),
    preferred: reader.u32('preferred block size'),
    maximum: reader.u32('maximum block size'),
  };
  const info = reader.finish({ kind: 'block-size' as const, blockSizes });
  return info instanceof Malformed ? info : (faultOfBlockSizes(blockSizes) ?? info);
}

function isPowerOfTwo(number: number): boolean {
  // Beyond 2^31 the bitwise operators see negative numbers; 2^31 itself still passes, as it should.
  return number > 0 && (number & (number - 1)) === 0;
}
