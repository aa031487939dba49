/** What a device has thrown, as an error number and a text of the protocol. */
import { NbdError, type Offset, type Trace, UsageError } from '@nbdjs/interfaces';
import { CommandFlag, commands, encodeText, printableText, WireError, wireErrorNumber } from '@nbdjs/protocol';
import type { ServerEvents } from '../events.ts';

/** Why a request is refused or has failed. */
export interface Failure {
  /** `WireError` */
  readonly error: number;
  /** For the client's user. */
  readonly text: string;
}

const errorOfUsage: Readonly<Record<string, number>> = {
  ERR_NBD_READ_ONLY: WireError.Eperm,
  ERR_NBD_NOT_SUPPORTED: WireError.Enotsup,
  ERR_NBD_CLOSED: WireError.Eshutdown,
  // The range was checked before, so the device has become shorter since (R4).
  ERR_NBD_OUT_OF_BOUNDS: WireError.Enospc,
};

/** A longer text is cut. In characters, each of up to four bytes. */
const textMax = 512;

/** What a failure is about. */
interface FailedRequest {
  readonly type: number;
  readonly flags: number;
  readonly offset: Offset;
  readonly length: Offset;
}

/** The failure of a request for which the device has thrown; it is traced. */
export function deviceFailure(request: FailedRequest, thrown: unknown, trace: Trace<ServerEvents>): Failure {
  const { type, flags, offset, length } = request;
  const failure = failureOf(thrown, (flags & CommandFlag.FastZero) !== 0);
  if (trace.enabled) {
    trace.emit('request-failed', { command: commands.name(type), offset, length, error: thrown });
  }
  return failure;
}

/** The failure behind what a device has thrown. `mayBeUnsupported`: the command asked for something optional (S57, S59). */
function failureOf(thrown: unknown, mayBeUnsupported: boolean): Failure {
  const error = numberOf(thrown);
  return {
    error: error === WireError.Enotsup && !mayBeUnsupported ? WireError.Einval : error,
    text: thrown instanceof Error ? printableText(thrown.message, textMax) : 'the device failed',
  };
}

function numberOf(thrown: unknown): number {
  if (thrown instanceof UsageError) {
    // A device that was ended by an error will not be there for the next connection either.
    if (thrown.code === 'ERR_NBD_CLOSED' && thrown.cause !== undefined) return WireError.Eio;
    return errorOfUsage[thrown.code] ?? WireError.Einval;
  }
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
  if (typeof code !== 'string') return WireError.Eio;
  // The device's own connection is gone or has broken the protocol: for this client that is an I/O error.
  if (thrown instanceof NbdError && code.startsWith('ERR_')) return WireError.Eio;
  return /^E[A-Z0-9]+$/.test(code) ? wireErrorNumber(code) : WireError.Eio;
}

/** The bytes of a text; no bytes if it cannot be sent. */
export function textBytes(text: string): Uint8Array {
  try {
    return encodeText(text, 'error text');
  } catch {
    return new Uint8Array(0);
  }
}
