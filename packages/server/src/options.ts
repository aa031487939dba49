/** What a server's options have to be; a new one without a check does not compile. */
import { checkDevice, checkOptions, type OptionChecks, optionChecks, UsageError } from '@nbdjs/interfaces';
import type { ExportProvider, ExportTable } from './exports.ts';

const { callback, milliseconds, object, oneOf } = optionChecks;

/** Held against the type where that is. */
export const ofServer = {
  access: object,
  busyPollMs: milliseconds,
  clock: object,
  exports: object,
  limits: object,
  mode: oneOf('simple', 'structured', 'extended'),
  nextTurn: callback,
  onSessionEnd: callback,
  style: oneOf('newstyle', 'oldstyle'),
  tls: object,
  trace: object,
};

/** @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown or of the wrong kind, and where there is nothing to serve. */
export function checkServerOptions<T extends { readonly exports: ExportTable | ExportProvider }>(
  options: T,
  checks: OptionChecks<T>,
): void {
  checkOptions('createServer', options, checks as Parameters<typeof checkOptions>[2]);
  if (options?.exports === undefined) {
    const message = 'createServer: exports is missing, expected a table of devices or a provider';
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  if (typeof options.exports.open === 'function') return;
  for (const [name, value] of Object.entries(options.exports)) {
    checkDevice('createServer', `export '${name}'`, object.holds(value) && 'device' in value ? value.device : value);
  }
}
