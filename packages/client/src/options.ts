/** What options have to be; a new one without a check does not compile. */

import type { HandshakeLimits } from '@nbdjs/connection';
import { checkOptions, type OptionChecks, optionChecks } from '@nbdjs/kit';
import type { JournalOptions, MultiplexerOptions, ReplyLimits, StrictChecks } from '@nbdjs/multiplexer';
import type { ConnectTls } from './tls.ts';

const { boolean, callback, either, milliseconds, object, oneOf, signal, text, texts, url, wholeFrom } = optionChecks;

type Parts = Pick<MultiplexerOptions, 'journal' | 'limits' | 'strict'>;
type Checks = Parameters<typeof checkOptions>[2];

/** These two are held against their types where those are. */
export const ofDevice = {
  bytesInFlightMax: wholeFrom(1),
  closeMs: milliseconds,
  connections: wholeFrom(1),
  journal: either(boolean, object),
  keepAliveMs: milliseconds,
  limits: object,
  onEvent: callback,
  openTimeoutMs: milliseconds,
  reconnectDelayMs: milliseconds,
  reconnects: boolean,
  requestsInFlightMax: wholeFrom(1),
  requestTimeoutMs: milliseconds,
  silenceMs: milliseconds,
  stopOnPermanent: boolean,
  strict: object,
};

export const ofConnect = {
  ...ofDevice,
  allContexts: boolean,
  allowLocalFiles: boolean,
  awaitExport: boolean,
  connectTimeoutMs: milliseconds,
  contexts: texts,
  delivery: oneOf('inline', 'thread', 'handed-over', 'kept'),
  exportName: text,
  fullInfo: boolean,
  handshakeTimeoutMs: milliseconds,
  mode: oneOf('simple', 'structured', 'extended'),
  openAttemptsMax: wholeFrom(1),
  signal,
  tls: object,
  workerUrl: url,
};

const ofTls: OptionChecks<ConnectTls> = {
  certificates: object,
  hostname: text,
  mode: oneOf('off', 'allow', 'require'),
  psk: object,
  verifyPeer: boolean,
};

const ofJournal: OptionChecks<JournalOptions> = {
  bytesMax: wholeFrom(0),
  requestsMax: wholeFrom(0),
  whenFull: oneOf('give-up', 'flush'),
};

const ofStrict: OptionChecks<StrictChecks> = {
  align: boolean,
  autoFlag: boolean,
  bounds: boolean,
  commands: boolean,
  flags: boolean,
  payload: boolean,
  replies: boolean,
  zeroSize: boolean,
};

const ofReplies: OptionChecks<ReplyLimits> = {
  extentsKeptMax: wholeFrom(1),
  replyChunksMax: wholeFrom(1),
  replyExtentsMax: wholeFrom(1),
  replyStretchesMax: wholeFrom(1),
};

const ofLimits: OptionChecks<HandshakeLimits & ReplyLimits> = {
  ...ofReplies,
  contextsMax: wholeFrom(1),
  listBytesMax: wholeFrom(1),
  listEntriesMax: wholeFrom(1),
  optionRepliesMax: wholeFrom(1),
  optionReplyBytesMax: wholeFrom(1),
};

/** @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown or of the wrong kind. */
export function checkConnectOptions<T extends Parts & { readonly tls?: ConnectTls | undefined }>(
  options: T,
  checks: OptionChecks<T>,
): void {
  checkOptions('connect', options, checks as Checks);
  checkOptions('connect: tls', options.tls, ofTls);
  checkOptions('connect: limits', options.limits, ofLimits);
  checkParts('connect', options);
}

/** The same for a device whose connections come from elsewhere. */
export function checkDeviceOptions<T extends Parts>(caller: string, options: T, checks: OptionChecks<T>): void {
  checkOptions(caller, options, { ...(checks as Checks), signal });
  checkOptions(`${caller}: limits`, options.limits, ofReplies);
  checkParts(caller, options);
}

function checkParts(caller: string, { journal, strict }: Parts): void {
  if (typeof journal === 'object') checkOptions(`${caller}: journal`, journal, ofJournal);
  checkOptions(`${caller}: strict`, strict, ofStrict);
}
