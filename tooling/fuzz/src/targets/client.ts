/** The whole client against hostile servers: from the first byte, and past a good handshake in each mode. */
import { negotiate } from '@nbdjs/connection';
import { type Connector, type HeaderMode, isNbdError } from '@nbdjs/interfaces';
import { createMultiplexer, type Multiplexer } from '@nbdjs/multiplexer';
import { TransmissionMagic } from '@nbdjs/protocol';
import { seededRandom, VirtualClock } from '@nbdjs/testkit';
import { HostileChannel, randomCut } from '../hostile-channel.ts';
import { endOfOptionReplies, sessions } from '../sessions.ts';
import { finishWithin, turn } from '../settling.ts';
import { type Input, insist, type Target } from '../target.ts';
import { answerScripts, grants, replyScripts } from './grammar.ts';

const { SimpleReply: simpleMagic, StructuredReply: structuredMagic, ExtendedReply: extendedMagic } = TransmissionMagic;
const enoughMs = 60_000;
/** Requests that the client has in flight when the replies come. */
const askedCount = 9;

/** Calls that a client may make, whether or not this server supports them. */
function ask(device: Multiplexer, random: () => number): readonly Promise<unknown>[] {
  const target = new Uint8Array(4096);
  const abort = new AbortController();
  if (random() < 0.2) setImmediate(() => abort.abort(new Error('changed my mind')));
  const asked: readonly (() => Promise<unknown>)[] = [
    () => device.read(0, target),
    () => device.read(0, new Uint8Array(4096), { signal: abort.signal, onChunk: () => {} }),
    async () => device.blockStatus(0, 65_536),
    () => device.write(4096, new Uint8Array(3000)),
    async () => device.deferredReads.readInto(0, 4096, () => new Uint8Array(4096)),
    async () => device.writeZeroes(0, 8192),
    () => device.flush(),
    async () => device.trim(0, 4096),
    async () => device.cache(0, 4096),
  ];
  // A call that does not fit what the server offers is refused at once.
  return asked.map(async (call) => call());
}

/**
 * Replies name the requests that they answer by numbers that no corpus can know. Wherever a reply seems to begin, one of
 * those that are in flight is put in; most of the time, because an unknown one has to be survived, too.
 */
function fillInCookies(bytes: Uint8Array, random: () => number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let position = 0; position + 16 <= bytes.length; position++) {
    const first = bytes[position];
    if (first !== 0x67 && first !== 0x66 && first !== 0x6e) continue;
    const magic = view.getUint32(position);
    if (magic !== simpleMagic && magic !== structuredMagic && magic !== extendedMagic) continue;
    if (random() < 0.05) continue;
    const which = random() < 0.1 ? Math.floor(random() * askedCount) : fitting(view, position, magic, random);
    view.setUint32(position + 8, which + 1);
    view.setUint32(position + 12, which);
    // With extended headers the place in the export has to be the right one, too.
    if (magic === extendedMagic && position + 24 <= bytes.length && random() < 0.9) {
      view.setBigUint64(position + 16, which === 3 ? 4096n : 0n);
    }
  }
}

/** Which of the requests in `ask` a reply is likely to be meant for. */
function fitting(view: DataView, position: number, magic: number, random: () => number): number {
  if (magic === simpleMagic) return Math.floor(random() * askedCount);
  const type = view.getUint16(position + 6);
  const candidates = type === 1 || type === 2 ? [0, 1, 4] : type === 5 || type === 6 ? [2] : [3, 5, 6, 7, 8];
  return candidates[Math.floor(random() * candidates.length)] as number;
}

async function use({ seed, bytes }: Input, prefix: Uint8Array): Promise<void> {
  const random = seededRandom(seed);
  const clock = new VirtualClock();
  const words = new Uint8Array(Buffer.concat([prefix, bytes]));
  const handshakeBytes = endOfOptionReplies(words).end;
  fillInCookies(words.subarray(handshakeBytes), random);
  // Most servers answer when they have been asked, and some before.
  const first = random() < 0.9 ? words.subarray(0, handshakeBytes) : words;
  const hangsUp = random() < 0.5;
  const channels: HostileChannel[] = [];
  const connector: Connector = {
    establish() {
      // Some servers do not read, some hang up, and some stay and are silent.
      const channel = new HostileChannel(first, { cut: randomCut(random), reads: random() < 0.8 });
      channels.push(channel);
      if (hangsUp && first === words) channel.endByPeer();
      const options = { contexts: ['base:allocation'] };
      return negotiate(channel, options, { name: 'hostile', timeoutMs: 2000, clock });
    },
    retry() {},
    release() {},
  };
  const device = createMultiplexer({
    connector,
    clock,
    defer: queueMicrotask,
    nextTurn: random() < 0.5 ? setImmediate : undefined,
    closeMs: 1000,
    requestTimeoutMs: 3000,
    silenceMs: random() < 0.5 ? 2000 : 0,
    reconnectDelayMs: random() < 0.3 ? 5000 : 0,
  });
  let isOver = false;
  const answer = async (): Promise<void> => {
    await turn();
    const channel = channels.at(-1);
    channel?.say(words.subarray(first.length));
    if (hangsUp) channel?.endByPeer();
  };
  const life = live(device, random, answer).finally(() => {
    isOver = true;
  });
  life.catch(() => {});
  await finishWithin(clock, enoughMs, () => isOver, 'the life of the client');
  await life;
  // Waits until everything that is left has ended, as long as the limits for closing allow.
  await clock.advance(5000);
  for (const { crash } of channels) if (crash !== undefined) throw crash;
  insist(
    channels.every(({ isClosed }) => isClosed),
    'a channel is left open',
  );
  insist(clock.pending === 0, `${clock.pending} timers are left over`);
}

async function live(device: Multiplexer, random: () => number, answer: () => Promise<void>): Promise<void> {
  try {
    await device.open();
  } catch (error) {
    insist(isNbdError(error), `opening fails with what is none of ours: ${error}`);
    device.destroy();
    return;
  }
  const asked = Promise.allSettled(ask(device, random));
  await answer();
  const outcomes = await asked;
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') continue;
    const { reason } = outcome;
    const isOurs = isNbdError(reason) || (reason as Error).message === 'changed my mind';
    if (!isOurs) throw reason;
  }
  await device.close().catch((error: unknown) => insist(isNbdError(error), `closing fails: ${error}`));
  device.destroy();
}

const behind = (mode: HeaderMode): Target => {
  const prefix = grants(mode);
  return {
    name: `replies-${mode}`,
    corpus: () => [
      ...sessions()
        .filter((session) => session.mode === mode && session.replies.length > 0)
        .map(({ replies }) => replies),
      ...replyScripts(mode),
    ],
    run: (input) => use(input, prefix),
  };
};

export const wholeClient: Target = {
  name: 'client',
  corpus: () => [
    ...sessions().map(({ server }) => server),
    ...answerScripts(),
    ...(['simple', 'structured', 'extended'] as const).map(
      (mode) => new Uint8Array(Buffer.concat([grants(mode), ...replyScripts(mode)])),
    ),
  ],
  run: (input) => use(input, new Uint8Array(0)),
};

export const replyTargets: readonly Target[] = [behind('simple'), behind('structured'), behind('extended')];
