/** What a connector's options have to be; a new one without a check does not compile. */
import type { ClientHandshakeOptions } from '@nbdjs/handshake';
import { UsageError } from '@nbdjs/interfaces';
import { checkOptions, type OptionChecks, optionChecks } from '@nbdjs/kit';
import { checkEndpoint, type Endpoint } from '@nbdjs/transport';

const { boolean, callback, milliseconds, number, object, oneOf, text, texts, url, wholeFrom } = optionChecks;

/** Held against the type where that is. */
export const ofConnector = {
  awaitExport: boolean,
  clock: object,
  connectTimeoutMs: milliseconds,
  delivery: oneOf('inline', 'thread', 'handed-over', 'kept'),
  endpoint: object,
  handshake: object,
  handshakeTimeoutMs: milliseconds,
  jitter: callback,
  openAttemptsMax: wholeFrom(1),
  openTimeoutMs: milliseconds,
  rings: object,
  stopOnPermanent: boolean,
  tls: object,
  upgradeTls: callback,
  workerUrl: url,
};

const ofHandshake: OptionChecks<ClientHandshakeOptions> = {
  allContexts: boolean,
  avoid: texts,
  contexts: texts,
  exportName: text,
  fullInfo: boolean,
  handshakeFlags: number,
  limits: object,
  mode: oneOf('simple', 'structured', 'extended'),
  optionMode: boolean,
  requestBlockSizes: boolean,
  tls: oneOf('off', 'allow', 'require'),
  trace: object,
};

/** @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, missing or of the wrong kind. */
export function checkConnectorOptions<
  T extends { readonly endpoint: Endpoint; readonly handshake?: ClientHandshakeOptions | undefined },
>(options: T, checks: OptionChecks<T>): void {
  checkOptions('createConnector', options, checks as Parameters<typeof checkOptions>[2]);
  if (options?.endpoint === undefined) {
    throw new UsageError('ERR_NBD_ARGUMENT', 'createConnector: endpoint is missing, expected an object');
  }
  checkEndpoint(options.endpoint);
  checkOptions('createConnector: handshake', options.handshake, ofHandshake);
}
