/** `NBD_OPT_STARTTLS` ("TLS support"). */
import { Option, OptionReply } from '@nbdjs/protocol';
import { upgrade } from '../script/steps.ts';
import type { Conversation } from './conversation.ts';
import { type Refusal, refusalError } from './refusals.ts';
import { exchange } from './replies.ts';
import type { Step } from './steps.ts';

/** Upgrades when the caller asks for it and the server can; fails when the caller requires it and the server cannot. */
export function* negotiateTls(conversation: Conversation): Step<void> {
  const { tls } = conversation.settings;
  if (tls === 'off') return;
  const refusal = yield* startTls(conversation);
  if (refusal === undefined) return;
  // `allow` goes on in clear text (C23), unless the server is shutting down (C17).
  if (tls === 'require' || refusal.replyType === OptionReply.ErrShutdown) throw tlsRefused(refusal);
}

/** Asks for TLS and waits for the transport's upgrade. Returns the refusal when the server refuses it. */
export function* startTls(conversation: Conversation): Step<Refusal | undefined> {
  const refusal = yield* exchange(conversation, { option: Option.StartTls });
  if (refusal !== undefined) return refusal;
  // Until TLS is established no byte may be sent, not even `ABORT` when the upgrade fails (C22).
  conversation.farewell = 'none';
  conversation.enter('tls', 'upgrading to TLS');
  conversation.events.push({ type: 'tls-upgrade' });
  yield* upgrade();
  conversation.tls = true;
  conversation.forget();
  conversation.farewell = 'abort';
  return undefined;
}

/** The error for a refused `STARTTLS`. */
export function tlsRefused(refusal: Refusal): Error {
  const code = refusal.replyType === OptionReply.ErrShutdown ? undefined : 'ERR_NBD_TLS_REFUSED';
  return refusalError(refusal, code);
}
