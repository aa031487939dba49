/** What went wrong in a device, in the words of the wire. */
import { NbdError, UsageError } from '@nbdjs/interfaces';
import { encodeText, printableText, WireError, wireErrorNumber } from '@nbdjs/protocol';

/** Why a request is refused: a number of the specification's, and a text for the client's user. */
export interface Failure {
  /** `WireError` */
  readonly error: number;
  readonly text: string;
}

const errorOfUsage: Readonly<Record<string, number>> = {
  ERR_NBD_READ_ONLY: WireError.Eperm,
  ERR_NBD_NOT_SUPPORTED: WireError.Enotsup,
  ERR_NBD_CLOSED: WireError.Eshutdown,
  // The range was looked at already, so the device has become shorter since (R4).
  ERR_NBD_OUT_OF_BOUNDS: WireError.Enospc,
};

/** Texts longer than this help nobody. In characters, each of up to four bytes. */
const textMax = 512;

/** The failure behind whatever a device has thrown. `mayBeUnsupported`: the command asked for something optional (S57, S59). */
export function failureOf(thrown: unknown, mayBeUnsupported: boolean): Failure {
  const error = numberOf(thrown);
  return {
    error: error === WireError.Enotsup && !mayBeUnsupported ? WireError.Einval : error,
    text: thrown instanceof Error ? printableText(thrown.message, textMax) : 'the device failed',
  };
}

function numberOf(thrown: unknown): number {
  if (thrown instanceof UsageError) {
    // A device that has come to an end by itself will not be there for the next connection either.
    if (thrown.code === 'ERR_NBD_CLOSED' && thrown.cause !== undefined) return WireError.Eio;
    return errorOfUsage[thrown.code] ?? WireError.Einval;
  }
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
  if (typeof code !== 'string') return WireError.Eio;
  // The device behind the device is gone, or broke its own rules: for the client that is an I/O error.
  if (thrown instanceof NbdError && code.startsWith('ERR_')) return WireError.Eio;
  return /^E[A-Z0-9]+$/.test(code) ? wireErrorNumber(code) : WireError.Eio;
}

/** The bytes of a text, or of none if it cannot travel. */
export function textBytes(text: string): Uint8Array {
  try {
    return encodeText(text, 'error text');
  } catch {
    return new Uint8Array(0);
  }
}
