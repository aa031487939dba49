/** Conversations with a family of generic netlink, such as the kernel's NBD. */
import type { NetlinkSocket } from '@nbdjs/syscalls';
import { type Attribute, contentOf, encodeText } from './attribute.ts';
import { ByteReader } from './byte-reader.ts';
import { DamagedMessage } from './damaged-message.ts';
import { type Answer, decodeAnswers, encodeRequest } from './message.ts';

/** The family that knows the others (GENL_ID_CTRL), and how it is asked for the number of one. */
const controller = { family: 0x10, version: 1, getFamily: 3, idAttribute: 1, nameAttribute: 2 } as const;

/** A refusal by the kernel. */
export class KernelRefusal extends Error {
  override readonly name = 'KernelRefusal';
  /** As in `errno`. */
  readonly errorNumber: number;
  /** The kernel's own text, if it has one. */
  readonly text: string | undefined;

  constructor(errorNumber: number, text: string | undefined) {
    super(`kernel refuses with error ${errorNumber}${text === undefined ? '' : `: ${text}`}`);
    this.errorNumber = errorNumber;
    this.text = text;
  }
}

/** A family, on a socket that belongs to the caller. One request at a time. */
export class GenericFamily {
  readonly #socket: NetlinkSocket;
  readonly #family: number;
  readonly #version: number;
  #sequence = 1;

  private constructor(socket: NetlinkSocket, family: number, version: number) {
    this.#socket = socket;
    this.#family = family;
    this.#version = version;
  }

  /**
   * Finds a family by its name.
   *
   * @throws KernelRefusal, with ENOENT when there is none, and DamagedMessage.
   */
  static async find(socket: NetlinkSocket, name: string, version: number): Promise<GenericFamily> {
    const asking = new GenericFamily(socket, controller.family, controller.version);
    const [answer] = await asking.ask(controller.getFamily, [encodeText(controller.nameAttribute, name)]);
    const id = answer && contentOf(answer, controller.idAttribute);
    if (id === undefined) throw new DamagedMessage(`family '${name}' has no number`);
    return new GenericFamily(socket, new ByteReader(id, "family's number").u16(0), version);
  }

  /**
   * Makes a request, and returns the attributes of each message that answers it.
   *
   * @throws KernelRefusal, DamagedMessage, and system errors of the socket.
   */
  async ask(command: number, attributes: readonly Uint8Array[]): Promise<readonly (readonly Attribute[])[]> {
    const sequence = this.#sequence++;
    const request = { family: this.#family, version: this.#version, command, sequence, attributes };
    await this.#socket.send(encodeRequest(request));
    const found: (readonly Attribute[])[] = [];
    for (const answer of this.#answersTo(sequence)) {
      if (answer.type === 'message') found.push(answer.attributes);
      else if (answer.errorNumber === 0) return found;
      else throw new KernelRefusal(answer.errorNumber, answer.text);
    }
    throw new DamagedMessage('request was not acknowledged');
  }

  /** The kernel has answered when it has taken the request. Answers to earlier requests, which were given up, may come first. */
  *#answersTo(sequence: number): Generator<Answer> {
    for (let bytes = this.#socket.receive(); bytes !== undefined; bytes = this.#socket.receive()) {
      for (const answer of decodeAnswers(bytes)) if (answer.sequence === sequence) yield answer;
    }
  }
}
