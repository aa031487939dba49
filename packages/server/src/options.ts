/** What a server's options have to be; a new one without a check does not compile. */
import { UsageError } from '@nbdjs/interfaces';
import { checkDevice, checkOptions, type OptionChecks, optionChecks } from '@nbdjs/kit';
import type { Export, ExportProvider, ExportTable } from './exports.ts';

const { boolean, callback, either, milliseconds, object, oneOf, text, texts } = optionChecks;

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

/** Of an export in a table. A word that is misspelt, such as `readonly`, would leave it open to everybody. */
const ofExport: OptionChecks<Export> = {
  allow: either(texts, callback),
  description: text,
  device: object,
  multiConn: boolean,
  readOnly: boolean,
  release: callback,
  resizable: boolean,
  tlsOnly: boolean,
  unaligned: oneOf('mend', 'refuse'),
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
    const isExport = object.holds(value) && 'device' in value;
    checkDevice('createServer', `export '${name}'`, isExport ? value.device : value);
    if (isExport) checkOptions(`createServer: export '${name}'`, value, ofExport);
  }
}
