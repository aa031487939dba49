/** Reads the server's answers to options, with the checks that are the same for all of them. */
import { NegotiationError } from '@nbdjs/interfaces';
import {
  decodeOptionReplyHeader,
  isOptionError,
  Malformed,
  Option,
  OptionReply,
  type OptionReplyHeader,
  type OptionRequest,
  optionReplies,
  optionReplyHeaderBytes,
  options,
  printableBytes,
} from '@nbdjs/protocol';
import { receive } from '../script/steps.ts';
import { type Conversation, violation } from './conversation.ts';
import { type Refusal, refusalError } from './refusals.ts';
import type { Step } from './steps.ts';

/** Sends an option, and calls `take` with each reply that has content. Returns `undefined` for an acknowledgement, else the refusal. */
export function* exchange(
  conversation: Conversation,
  request: OptionRequest,
  content?: { readonly type: number; readonly repliesMax: number; take(payload: Uint8Array): void },
): Step<Refusal | undefined> {
  const { option } = request;
  conversation.ask(request);
  for (let replies = 0; ; replies++) {
    const header = yield* replyHeader(conversation, option);
    if (isOptionError(header.type)) return yield* refusal(conversation, request, header);
    if (header.type === OptionReply.Ack) return acknowledge(conversation, header);
    if (header.type !== content?.type) throw unexpected(header);
    if (replies >= content.repliesMax) {
      const message = `option ${options.name(option)} failed: the server sent more than ${content.repliesMax} replies to it`;
      throw violation('too-many-option-replies', message, 'G6');
    }
    content.take(yield* receive(header.length));
  }
}

/** A decoder's result. @throws ProtocolError when the bytes were malformed. */
export function requireWellFormed<Value>(value: Value | Malformed, excerpt: Uint8Array): Value {
  if (!(value instanceof Malformed)) return value;
  throw violation(value.violation, value.message, value.rule, excerpt);
}

/**
 * Ignores the refusal of something optional.
 *
 * @throws NegotiationError for two refusals that are an error in any case: the server is shutting down (C17), or it requires TLS, which it
 * would answer to all options that follow.
 */
export function ignoreRefusal(conversation: Conversation, refusal: Refusal): void {
  const hopeless = refusal.replyType === OptionReply.ErrTlsRequired && !conversation.settings.optionMode;
  if (hopeless || refusal.replyType === OptionReply.ErrShutdown) throw refusalError(refusal);
}

/** Whether an error is a refusal after which other options may be tried. */
export function isRefusal(error: unknown): error is NegotiationError {
  return error instanceof NegotiationError && error.code !== 'ERR_NBD_SERVER_SHUTDOWN';
}

function* replyHeader(conversation: Conversation, option: number): Step<OptionReplyHeader> {
  const bytes = yield* receive(optionReplyHeaderBytes);
  const header = requireWellFormed(decodeOptionReplyHeader(bytes), bytes);
  if (header.option !== option) {
    const message = `expected an answer to option ${options.name(option)}, got one to ${options.name(header.option)}`;
    throw violation('answer-to-other-option', message, 'C18', bytes);
  }
  const bytesMax = conversation.settings.limits.optionReplyBytesMax;
  if (header.length > bytesMax) {
    const message = `answer to option ${options.name(option)} is too long: expected at most ${bytesMax} bytes, got ${header.length}`;
    throw violation('option-reply-too-long', message, 'G6', bytes);
  }
  // A server that answers this one did not get out of sync at the one before.
  conversation.suspect = undefined;
  const { trace } = conversation.settings;
  if (trace.enabled) trace.emit('option-reply', { ...header, name: optionReplies.name(header.type) });
  return header;
}

function* refusal(conversation: Conversation, request: OptionRequest, header: OptionReplyHeader): Step<Refusal> {
  const serverText = printableBytes(yield* receive(header.length));
  if (header.type === OptionReply.ErrTlsRequired && conversation.tls) {
    const message = `option ${options.name(header.option)} failed: the server requires TLS although it is running`;
    throw violation('tls-required-inside-tls', message, 'S26');
  }
  const exportName = 'exportName' in request ? request.exportName : undefined;
  // The options that carry data are those about exports.
  if (header.type === OptionReply.ErrUnsupported && exportName !== undefined) conversation.suspect = header.option;
  return { option: header.option, replyType: header.type, serverText, exportName };
}

function acknowledge(conversation: Conversation, header: OptionReplyHeader): undefined {
  // From here on the server is in the transmission phase: it would read ABORT as a bad request.
  if (header.option === Option.Go) conversation.farewell = 'disconnect';
  if (header.length === 0) return undefined;
  const name = options.name(header.option);
  const message = `acknowledgement of option ${name} has a payload: expected 0 bytes, got ${header.length}`;
  throw violation('ack-with-payload', message, 'C18');
}

function unexpected(header: OptionReplyHeader): Error {
  const reply = optionReplies.name(header.type);
  const message = `option ${options.name(header.option)} was answered by ${reply}, which does not fit`;
  return violation('unexpected-option-reply', message, 'C18');
}
