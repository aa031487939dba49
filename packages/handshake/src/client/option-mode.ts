/** Option mode: the caller decides which options are sent, one at a time (C4). */
import type { ExportFacts } from '@nbdjs/interfaces';
import { Option, optionReplyHeaderBytes } from '@nbdjs/protocol';
import { receive } from '../script/steps.ts';
import type { Conversation } from './conversation.ts';
import type { OptionResult } from './events.ts';
import { go, info } from './go.ts';
import { extendedHeaders, structuredReplies } from './headers.ts';
import { list } from './list.ts';
import { listMetaContexts, setMetaContexts } from './meta-contexts.ts';
import type { RepeatableOrder } from './orders.ts';
import { avoidedError, type Refusal, refusalError } from './refusals.ts';
import { isRefusal } from './replies.ts';
import { startTls, tlsRefused } from './start-tls.ts';
import { nextOrder, type Step } from './steps.ts';

/** Carries out the caller's orders until one of them opens an export (then its facts are returned) or leaves. */
export function* takeOrders(conversation: Conversation): Step<ExportFacts | undefined> {
  backToCaller(conversation);
  const { style, mode, tls, events } = conversation;
  events.push({ type: 'negotiating', style, mode, tls });
  for (;;) {
    const order = yield* nextOrder();
    if (order.option === Option.Abort) return yield* leave(conversation);
    try {
      if (order.option === Option.Go) return yield* go(conversation, order.exportName);
      const result = yield* carryOut(conversation, order);
      backToCaller(conversation);
      events.push({ type: 'option-done', option: order.option, result });
    } catch (error) {
      // Once GO is acknowledged or EXPORT_NAME is sent, a refusal ends the handshake.
      if (!isRefusal(error) || conversation.farewell !== 'abort') throw error;
      backToCaller(conversation);
      events.push({ type: 'option-failed', option: order.option, error });
    }
  }
}

function* carryOut(conversation: Conversation, order: RepeatableOrder): Step<OptionResult> {
  switch (order.option) {
    case Option.List:
      return { type: 'exports', exports: requireAnswer(yield* list(conversation)) };
    case Option.Info:
      return { type: 'info', facts: yield* info(conversation, order.exportName) };
    case Option.ListMetaContext:
      if (conversation.avoids(order.option)) throw avoidedError(order.option);
      return {
        type: 'context-names',
        names: requireAnswer(yield* listMetaContexts(conversation, order.exportName, order.queries)),
      };
    case Option.SetMetaContext:
      if (conversation.avoids(order.option)) throw avoidedError(order.option);
      requireAck(yield* setMetaContexts(conversation, order.exportName, order.queries));
      return { type: 'contexts', contexts: conversation.selection?.contexts ?? [] };
    case Option.StructuredReply:
      requireAck(yield* structuredReplies(conversation));
      return { type: 'acknowledged' };
    case Option.ExtendedHeaders:
      requireAck(yield* extendedHeaders(conversation));
      return { type: 'acknowledged' };
    case Option.StartTls: {
      const refusal = yield* startTls(conversation);
      if (refusal !== undefined) throw tlsRefused(refusal);
      return { type: 'acknowledged' };
    }
  }
}

/** Leaves. Any answer of the server is accepted, and also the end of the stream (C7). */
function* leave(conversation: Conversation): Step<undefined> {
  // The plain newstyle has no option but EXPORT_NAME (C5), so there the only way to leave is to hang up.
  if (conversation.style !== 'newstyle-fixed') return undefined;
  conversation.ask({ option: Option.Abort });
  yield* receive(optionReplyHeaderBytes);
  return undefined;
}

function backToCaller(conversation: Conversation): void {
  conversation.outstanding = undefined;
  conversation.enter('negotiating', 'idle between two options');
}

function requireAnswer<Value extends readonly unknown[]>(answer: Refusal | Value): Value {
  if ('replyType' in answer) throw refusalError(answer);
  return answer;
}

function requireAck(refusal: Refusal | undefined): void {
  if (refusal !== undefined) throw refusalError(refusal);
}
