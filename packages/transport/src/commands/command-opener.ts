/** A program as an opener of channels: it is started with the first channel, and ended with the last. */
import type { ByteChannel, ChannelOpener } from '@nbdjs/interfaces';
import type { ConnectOptions } from '../connecting/connect.ts';
import { runCommand } from './command.ts';
import type { CommandOptions, CommandServer } from './command-server.ts';
import { describeCommand } from './program.ts';

/** How a program is started. It ends with its channels, so it has no signal. */
export type CommandOpenerOptions = Omit<CommandOptions, 'signal'>;

/** A channel that was lost may be about to close, and the program with it: a further channel waits this long for that, in milliseconds. */
const settleMs = 100;

interface Running {
  readonly server: CommandServer;
  readonly channels: Set<ByteChannel>;
  hasEnded: boolean;
}

/**
 * Makes an opener whose channels lead to one program, as long as one of them is open: two programs would not share what is written to
 * them. After the last channel the program is ended, and the next channel starts it again. With `socket-pair` there is one channel at a
 * time.
 */
export function createCommandOpener(options: CommandOpenerOptions): ChannelOpener {
  const program = new SharedProgram(options);
  return { name: describeCommand(options.command), open: ({ signal }) => program.connect({ signal }) };
}

export class SharedProgram {
  readonly #options: CommandOpenerOptions;
  #running: Running | undefined;

  constructor(options: CommandOpenerOptions) {
    this.#options = options;
  }

  /** @throws as `runCommand` and as `connect` of `CommandServer`. */
  async connect(options: ConnectOptions): Promise<ByteChannel> {
    options.signal?.throwIfAborted();
    const running = await this.#present();
    if (running === undefined) return await this.#connectTo(await this.#start(), options);
    try {
      return await this.#connectTo(running, options);
    } catch (error) {
      // The program has ended, which its channels have not noticed yet.
      if (!running.hasEnded) throw error;
      return await this.#connectTo(await this.#start(), options);
    }
  }

  /** Returns the program if it goes on running, for the sake of other channels. */
  async #present(): Promise<Running | undefined> {
    if (this.#running !== undefined) {
      const closed = Promise.all([...this.#running.channels].map((channel) => channel.closed));
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, settleMs))]);
    }
    return this.#running;
  }

  async #connectTo(running: Running, options: ConnectOptions): Promise<ByteChannel> {
    try {
      options.signal?.throwIfAborted();
      const channel = await running.server.connect(options);
      running.channels.add(channel);
      void channel.closed.then(() => {
        running.channels.delete(channel);
        void this.#endUnused(running);
      });
      return channel;
    } catch (error) {
      await this.#endUnused(running);
      throw error;
    }
  }

  async #start(): Promise<Running> {
    const running: Running = { server: await runCommand(this.#options), channels: new Set(), hasEnded: false };
    this.#running = running;
    void running.server.exited.then(() => {
      running.hasEnded = true;
      this.#forget(running);
    });
    return running;
  }

  async #endUnused(running: Running): Promise<void> {
    if (running.channels.size > 0) return;
    this.#forget(running);
    await running.server.dispose();
  }

  #forget(running: Running): void {
    if (this.#running === running) this.#running = undefined;
  }
}
