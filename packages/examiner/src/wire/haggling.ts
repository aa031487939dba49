/** The handshake, option by option: anything can be sent, and each reply is held to the form that all replies have. */
import {
  decodeOptionReplyHeader,
  encodeClientFlags,
  encodeOption,
  GreetingBytes,
  HandshakeMagic,
  isOptionError,
  Malformed,
  Option,
  OptionReply,
  optionReplies,
  optionReplyHeaderBytes,
  options,
  printableBytes,
  stringBytesMax,
} from '@nbdjs/protocol';
import { Fault } from '../examination/outcomes.ts';
import type { Wire } from './wire.ts';

/** One reply to an option. */
export interface OptionAnswer {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** All replies to one option. */
export interface Answers {
  /** Those before the last one. */
  readonly parts: readonly OptionAnswer[];
  /** The acknowledgement, or the error. */
  readonly final: OptionAnswer;
}

/** More than any list of exports has; a server that sends more has lost its way. */
const partsMax = 100_000;
const payloadBytesMax = 2 ** 20;
/** The first 18 bytes of a newstyle server. */
const greetingBytes = GreetingBytes.initialMagic + GreetingBytes.serverMagic + GreetingBytes.handshakeFlags;

/** The kind of reply that comes before the last one, by option. */
const partOf: Readonly<Record<number, number>> = {
  [Option.List]: OptionReply.Server,
  [Option.Info]: OptionReply.Info,
  [Option.Go]: OptionReply.Info,
  [Option.ListMetaContext]: OptionReply.MetaContext,
  [Option.SetMetaContext]: OptionReply.MetaContext,
};

/** Reads the greeting, and returns the handshake flags. */
export async function takeGreeting(wire: Wire): Promise<number> {
  const bytes = await wire.take(greetingBytes, 'the greeting of a newstyle server (18 bytes)');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [first, second] = [view.getBigUint64(0), view.getBigUint64(8)];
  if (first !== HandshakeMagic.Init) {
    throw new Fault(`the first bytes are 0x${first.toString(16)} instead of NBDMAGIC`, { rule: 'S1' });
  }
  if (second === HandshakeMagic.Oldstyle) {
    throw new Fault('the server greets in the oldstyle, and every server has to support the fixed newstyle', {
      rule: 'G7',
    });
  }
  if (second !== HandshakeMagic.Option) {
    throw new Fault(`IHAVEOPT is expected after NBDMAGIC, and 0x${second.toString(16)} came`, { rule: 'S1' });
  }
  return view.getUint16(16);
}

/** Option haggling on one connection. */
export class Haggling {
  readonly wire: Wire;
  /** What the server has greeted with. */
  readonly serverFlags: number;
  readonly clientFlags: number;

  private constructor(wire: Wire, serverFlags: number, clientFlags: number) {
    this.wire = wire;
    this.serverFlags = serverFlags;
    this.clientFlags = clientFlags;
  }

  /** Reads the greeting and answers it. `clientFlags` makes the flags of those that the server offers. */
  static async begin(wire: Wire, clientFlags: (serverFlags: number) => number): Promise<Haggling> {
    const serverFlags = await takeGreeting(wire);
    const flags = clientFlags(serverFlags);
    wire.send(encodeClientFlags(flags));
    wire.farewell = encodeOption(Option.Abort);
    return new Haggling(wire, serverFlags, flags);
  }

  /** Sends an option and reads all replies to it. */
  async ask(option: number, payload: Uint8Array = new Uint8Array(0)): Promise<Answers> {
    this.wire.send(encodeOption(option, payload));
    return await this.answers(option);
  }

  /** Reads replies up to the last one to this option. */
  async answers(option: number): Promise<Answers> {
    const parts: OptionAnswer[] = [];
    for (;;) {
      const answer = await this.#next(option);
      if (answer.type === OptionReply.Ack || isOptionError(answer.type)) return { parts, final: answer };
      if (answer.type !== partOf[option]) {
        throw new Fault(`${options.name(option)} is answered by ${optionReplies.name(answer.type)}`, { level: 'MUST' });
      }
      parts.push(answer);
      if (parts.length > partsMax) throw new Fault(`more than ${partsMax} replies to ${options.name(option)}`);
    }
  }

  async #next(option: number): Promise<OptionAnswer> {
    const header = decodeOptionReplyHeader(await this.wire.take(optionReplyHeaderBytes, 'a reply to the option'));
    if (header instanceof Malformed) throw new Fault(header.message, { level: 'MUST' });
    const { type, length } = header;
    if (header.option !== option) {
      const message = `the reply to ${options.name(option)} names the option ${header.option}, not ${option}`;
      throw new Fault(message, { level: 'MUST' });
    }
    if (length > payloadBytesMax) {
      throw new Fault(`the reply ${optionReplies.name(type)} announces ${length} bytes`, { level: 'MUST' });
    }
    const payload = await this.wire.take(length, `the ${length} bytes of ${optionReplies.name(type)}`);
    if (type === OptionReply.Ack && length > 0) {
      throw new Fault(`ACK carries ${length} bytes, expected none`, { level: 'MUST' });
    }
    if (isOptionError(type) && length > stringBytesMax) {
      throw new Fault(`the text of ${optionReplies.name(type)} has ${length} bytes, ${stringBytesMax} are allowed`, {
        level: 'MUST',
        rule: 'G2',
      });
    }
    return { type, payload };
  }
}

/** The name of the last reply, with its text, for messages. */
export function describeFinal({ final }: Answers): string {
  const text = isOptionError(final.type) ? printableBytes(final.payload, 120) : '';
  return text === '' ? optionReplies.name(final.type) : `${optionReplies.name(final.type)} ("${text}")`;
}

/** Whether the option was acknowledged. */
export function isAck({ final }: Answers): boolean {
  return final.type === OptionReply.Ack;
}
