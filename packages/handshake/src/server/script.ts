/** The server's handshake from the first byte to the last: greeting, options, and on to transmission. */
import { type ServerConversation, violation } from './conversation.ts';
import type { Outcome } from './facts.ts';
import { greet, greetOldstyle } from './greeting.ts';
import { answerOption } from './options.ts';
import type { ServerStep } from './steps.ts';

/** Ends with the export that was opened, or without one when the client left. */
export function* serveHandshake(conversation: ServerConversation): ServerStep<Outcome> {
  const { style, limits } = conversation.settings;
  if (style === 'oldstyle') return yield* greetOldstyle(conversation);
  yield* greet(conversation);
  for (let count = 0; count < limits.optionsMax; count++) {
    conversation.enter('option', 'choosing an option');
    conversation.stepsDone++;
    const outcome = yield* answerOption(conversation);
    if (outcome !== undefined) return outcome;
  }
  throw violation('too-many-options', `client sent more than ${limits.optionsMax} options`, 'G6');
}
