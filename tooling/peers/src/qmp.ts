/** QEMU's machine protocol, as far as tests need it: commands one at a time, and the events that come meanwhile. */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** An answer, or an event. */
interface Message {
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
  readonly event?: string;
  readonly data?: unknown;
}

const answerMs = 20_000;

export class Qmp implements Disposable {
  readonly #socket: Socket;
  readonly #messages: AsyncIterator<string>;
  readonly #events: string[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#messages = createInterface({ input: socket })[Symbol.asyncIterator]();
    socket.setTimeout(answerMs, () => socket.destroy());
  }

  /** Connects to a monitor's socket. */
  static async open(path: string): Promise<Qmp> {
    const qmp = new Qmp(connect(path));
    await qmp.#next();
    await qmp.execute('qmp_capabilities');
    return qmp;
  }

  /** Carries out a command. @throws Error with the server's words when it fails. */
  async execute(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    for (;;) {
      const message = await this.#next();
      if (message.event !== undefined) this.#events.push(message.event);
      else if (message.error !== undefined) throw new Error(`${command}: ${message.error.desc}`);
      else return message.return;
    }
  }

  /** Settles when an event of this name has come. */
  async event(name: string): Promise<void> {
    for (;;) {
      const index = this.#events.indexOf(name);
      if (index >= 0) return void this.#events.splice(index, 1);
      const { event } = await this.#next();
      if (event !== undefined) this.#events.push(event);
    }
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  async #next(): Promise<Message> {
    const { done, value } = await this.#messages.next();
    if (done === true) throw new Error('the monitor is gone');
    return JSON.parse(value) as Message;
  }
}
