/** The client's handshake from the first byte to the last, in the order of the specification. */
import type { ExportFacts } from '@nbdjs/interfaces';
import type { Conversation } from './conversation.ts';
import { factsOf } from './facts.ts';
import { go } from './go.ts';
import { greet, tlsImpossible } from './greeting.ts';
import { negotiateMode } from './headers.ts';
import { takeOrders } from './option-mode.ts';
import { negotiateTls } from './start-tls.ts';
import type { Step } from './steps.ts';

/** Each part decides whether it has something to do. Ends without facts when the caller left. */
export function* shakeHands(conversation: Conversation): Step<ExportFacts | undefined> {
  const { exportName, optionMode, tls } = conversation.settings;
  const oldstyle = yield* greet(conversation);
  if (oldstyle !== undefined) return factsOf(conversation, exportName, oldstyle);
  if (conversation.style === 'newstyle-fixed') {
    // TLS comes first: what was agreed on before would be void after it (C24, C25).
    yield* negotiateTls(conversation);
    yield* negotiateMode(conversation);
  } else if (tls === 'require') {
    throw tlsImpossible('it does not offer the fixed newstyle handshake');
  }
  return optionMode ? yield* takeOrders(conversation) : yield* go(conversation, exportName);
}
