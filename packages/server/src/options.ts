/** What a server's options have to be; a new one without a check does not compile. */
import {
  type BlockDevice,
  checkOptions,
  describeValue,
  type OptionChecks,
  optionChecks,
  UsageError,
} from '@nbdjs/interfaces';
import type { ServerOptions } from './server.ts';

const { callback, milliseconds, object, oneOf } = optionChecks;

const ofServer: OptionChecks<ServerOptions> = {
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
export function checkServerOptions(options: ServerOptions): void {
  checkOptions('createServer', options, ofServer);
  if (options?.exports === undefined) {
    const message = 'createServer: exports is missing, expected a table of devices or a provider';
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  if (typeof options.exports.open === 'function') return;
  for (const [name, value] of Object.entries(options.exports)) {
    const device: Partial<BlockDevice> = object.holds(value) && 'device' in value ? value.device : value;
    if (object.holds(device) && typeof device.read === 'function') continue;
    const message = `createServer: export '${name}' is ${describeValue(device)}, expected a device, or { device, ... }`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
}
