/** The client's half of the handshake, fed with what servers say; on its way to an export, and driven option by option. */
import { ClientHandshake, type ClientHandshakeOptions, handshakeLimits, isFinal } from '@nbdjs/handshake';
import { isNbdError } from '@nbdjs/interfaces';
import { seededRandom } from '@nbdjs/testkit';
import { randomCut } from '../hostile-channel.ts';
import { sessions } from '../sessions.ts';
import { type Input, insist, type Target } from '../target.ts';
import { answerScripts } from './grammar.ts';

const { optionReplyBytesMax } = handshakeLimits.resolve('the fuzzer', {});

const orders: readonly ((handshake: ClientHandshake) => void)[] = [
  (handshake) => handshake.list(),
  (handshake) => handshake.info('x'),
  (handshake) => handshake.listMetaContexts('x'),
  (handshake) => handshake.setMetaContexts('x', ['base:allocation', 'qemu:']),
  (handshake) => handshake.structuredReplies(),
  (handshake) => handshake.extendedHeaders(),
  (handshake) => handshake.startTls(),
  (handshake) => handshake.go('x'),
  (handshake) => handshake.abort(),
];

function run({ seed, bytes }: Input, optionMode: boolean): void {
  const random = seededRandom(seed);
  const options: ClientHandshakeOptions = {
    exportName: random() < 0.5 ? '' : 'disk',
    mode: (['simple', 'structured', 'extended'] as const)[Math.floor(random() * 3)],
    tls: (['off', 'off', 'allow', 'require'] as const)[Math.floor(random() * 4)],
    fullInfo: random() < 0.5,
    optionMode,
  };
  const handshake = new ClientHandshake(options);
  const cut = randomCut(random);
  let finals = 0;
  const pump = (): void => {
    handshake.takeOutput();
    for (let event = handshake.nextEvent(); event !== undefined; event = handshake.nextEvent()) {
      if (event.type === 'tls-upgrade') handshake.tlsEstablished();
      if (event.type === 'failed' || event.type === 'option-failed') {
        insist(isNbdError(event.error), `a failure that is none of ours: ${event.error}`);
        insist(!/\p{Cc}/u.test(event.error.message), 'a message with control characters');
        insist(event.error.message.length < 2000, 'a message without end');
      }
      if (['failed', 'established', 'ended'].includes(event.type)) finals++;
    }
    if (handshake.state === 'negotiating') {
      try {
        orders[Math.floor(random() * orders.length)]?.(handshake);
      } catch (error) {
        // An order that does not fit what was agreed on.
        if (!isNbdError(error)) throw error;
      }
      handshake.takeOutput();
    }
  };
  pump();
  for (let position = 0; position < bytes.length && !isFinal(handshake.state); ) {
    const target = handshake.writable();
    insist(target.length > 0 && target.length <= optionReplyBytesMax, `memory of ${target.length} bytes was named`);
    const byteCount = Math.max(1, Math.min(target.length, bytes.length - position, cut()));
    target.set(bytes.subarray(position, position + byteCount));
    position += byteCount;
    handshake.advance(byteCount);
    pump();
  }
  handshake.ended();
  for (let event = handshake.nextEvent(); event !== undefined; event = handshake.nextEvent()) {
    if (['failed', 'established', 'ended'].includes(event.type)) finals++;
  }
  insist(isFinal(handshake.state), `the handshake is in state ${handshake.state} behind its end`);
  insist(finals === 1, `the handshake ended ${finals} times`);
}

const corpus = (): readonly Uint8Array[] => [...sessions().map(({ server }) => server), ...answerScripts()];

export const clientHandshake: Target = { name: 'client-handshake', corpus, run: (input) => run(input, false) };
export const optionMode: Target = { name: 'option-mode', corpus, run: (input) => run(input, true) };
