/** Error numbers on the wire ("Error values" of the specification): Linux's numbers, on every system. */
import { type CommandErrorCode, systemErrorCodes } from '@nbdjs/interfaces';

/** The numbers that the specification names. */
export const WireError = {
  Eperm: 1,
  Eio: 5,
  Enomem: 12,
  Einval: 22,
  Enospc: 28,
  Eoverflow: 75,
  Enotsup: 95,
  Eshutdown: 108,
} as const;

const codes: ReadonlyMap<number, CommandErrorCode> = new Map([
  [WireError.Eperm, 'EPERM'],
  [WireError.Eio, 'EIO'],
  [WireError.Enomem, 'ENOMEM'],
  [WireError.Einval, 'EINVAL'],
  [WireError.Enospc, 'ENOSPC'],
  [WireError.Eoverflow, 'EOVERFLOW'],
  [WireError.Enotsup, 'ENOTSUP'],
  [WireError.Eshutdown, 'ESHUTDOWN'],
]);

const numbers: ReadonlyMap<CommandErrorCode | undefined, number> = new Map(
  [...codes].map(([number, code]) => [code, number]),
);

/** The code behind a wire number. An unexpected number counts as `EINVAL` (C57). */
export function wireErrorCode(number: number): CommandErrorCode {
  return codes.get(number) ?? 'EINVAL';
}

/** Whether the specification names this number. */
export function isKnownWireError(number: number): boolean {
  return codes.has(number);
}

/** The wire number for a system's error code such as `EROFS` (S57); a code without a number becomes `EINVAL`. */
export function wireErrorNumber(code: string): number {
  return numbers.get(systemErrorCodes.get(code)) ?? WireError.Einval;
}

const words: Readonly<Partial<Record<CommandErrorCode, string>>> = {
  EPERM: 'operation not permitted',
  EIO: 'input/output error',
  ENOMEM: 'out of memory',
  EINVAL: 'invalid argument',
  ENOSPC: 'no space left on device',
  EOVERFLOW: 'value too large',
  ENOTSUP: 'operation not supported',
  ESHUTDOWN: 'the server is shutting down',
};

/** The meaning of a code, in words for people. */
export function wireErrorWords(code: CommandErrorCode): string {
  return words[code] ?? code;
}
