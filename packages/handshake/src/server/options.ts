/** One option of the client, and its answer: the checks that are the same for all, then the option's own module. */
import {
  decodeOptionHeader,
  Malformed,
  Option,
  type OptionHeader,
  OptionReply,
  optionHeaderBytes,
  options,
  parseOptionRequest,
} from '@nbdjs/protocol';
import { receive, skip } from '../script/steps.ts';
import { type ServerConversation, violation } from './conversation.ts';
import { useExportName } from './export-name.ts';
import type { Outcome } from './facts.ts';
import { describe } from './go.ts';
import { raiseMode } from './headers.ts';
import { list } from './list.ts';
import { nameContexts } from './meta-contexts.ts';
import { startTls } from './start-tls.ts';
import type { ServerStep } from './steps.ts';

/** No client needs a longer option, so it is not even skipped (G6). In bytes. */
const optionBytesHardMax = 2 ** 25;

/** Receives one option and answers it. Returns the result of the handshake, or `undefined` when it goes on. */
export function* answerOption(conversation: ServerConversation): ServerStep<Outcome | undefined> {
  const header = decodeOptionHeader(yield* receive(optionHeaderBytes));
  if (header instanceof Malformed) throw violation(header.violation, header.message, header.rule);
  // Even a command that fails undoes the selection, for any reason (S34).
  if (header.option === Option.SetMetaContext) conversation.selection = undefined;
  const name = options.name(header.option);
  const { trace, limits } = conversation.settings;
  if (trace.enabled) trace.emit('option', { option: name, length: header.length });
  conversation.activity = `sending option ${name}`;
  checkHeader(conversation, header);
  if (header.length > limits.optionBytesMax) {
    yield* skipOverlong(conversation, header);
    return undefined;
  }
  const payload = yield* receive(header.length);
  conversation.activity = `waiting for the answer to option ${name}`;
  return yield* answer(conversation, header.option, payload);
}

/** @throws ProtocolError for an option that ends the session, with any payload. */
function checkHeader(conversation: ServerConversation, { option, length }: OptionHeader): void {
  const name = options.name(option);
  if (length > optionBytesHardMax) {
    throw violation('option-too-long', `option ${name} has ${length} bytes of payload`, 'G6');
  }
  conversation.optionsBytes += length;
  const { optionsBytesMax } = conversation.settings.limits;
  if (conversation.optionsBytes > optionsBytesMax) {
    throw violation('options-too-long', `the options have more than ${optionsBytesMax} bytes of payload`, 'G6');
  }
  if (conversation.style !== 'newstyle-fixed' && option !== Option.ExportName) {
    const message = `option ${name} from a client that has not agreed to the fixed newstyle handshake`;
    throw violation('option-not-fixed', message, 'S22');
  }
}

/** Refuses an option that is too long to be kept. Its payload is skipped, so that the stream stays in sync. */
function* skipOverlong(conversation: ServerConversation, { option, length }: OptionHeader): ServerStep<void> {
  yield* skip(length);
  if (option === Option.ExportName) throw violation('text-too-long', `an export name of ${length} bytes`, 'G2');
  const { optionBytesMax } = conversation.settings.limits;
  const text = `option ${options.name(option)} has ${length} bytes, at most ${optionBytesMax} are taken`;
  conversation.refuse(option, OptionReply.ErrTooBig, text);
}

/** Answers an option where the answer does not depend on its payload. */
function* answer(
  conversation: ServerConversation,
  option: number,
  payload: Uint8Array,
): ServerStep<Outcome | undefined> {
  if (option === Option.Abort) {
    conversation.acknowledge(option);
    return 'left';
  }
  const lacksTls = conversation.settings.tls === 'require' && !conversation.tls && option !== Option.StartTls;
  if (option === Option.ExportName) {
    if (lacksTls) throw violation('export-name-without-tls', 'option EXPORT_NAME without TLS', 'S20');
    return yield* useExportName(conversation, payload);
  }
  if (conversation.isShuttingDown) {
    conversation.refuse(option, OptionReply.ErrShutdown, 'the server is shutting down');
    return undefined;
  }
  if (lacksTls) {
    conversation.refuse(option, OptionReply.ErrTlsRequired, `option ${options.name(option)} needs TLS first`);
    return undefined;
  }
  return yield* answerRequest(conversation, option, payload);
}

/** Parses the payload, and passes the request to its option's module. */
function* answerRequest(
  conversation: ServerConversation,
  option: number,
  payload: Uint8Array,
): ServerStep<Outcome | undefined> {
  const request = parseOptionRequest(option, payload, conversation.settings.limits.contextQueriesMax);
  if (request instanceof Malformed) {
    conversation.refuse(option, OptionReply.ErrInvalid, request.message);
    return undefined;
  }
  switch (request?.option) {
    case Option.List:
      yield* list(conversation);
      return undefined;
    case Option.StartTls:
      yield* startTls(conversation);
      return undefined;
    case Option.StructuredReply:
    case Option.ExtendedHeaders:
      raiseMode(conversation, request.option);
      return undefined;
    case Option.Info:
    case Option.Go:
      return yield* describe(conversation, request);
    case Option.ListMetaContext:
    case Option.SetMetaContext:
      yield* nameContexts(conversation, request);
      return undefined;
    default:
      conversation.refuse(option, OptionReply.ErrUnsupported, `option ${options.name(option)} is not supported`);
      return undefined;
  }
}
