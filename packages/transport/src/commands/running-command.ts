/** A program that runs: connections to it, its end, and the reason for that. */
import type { ChildProcess } from 'node:child_process';
import { type ByteChannel, ConnectError } from '@nbdjs/interfaces';
import { StreamChannel } from '../channels/stream-channel.ts';
import type { ConnectOptions } from '../connecting/connect.ts';
import type { CommandOptions, CommandServer } from './command-server.ts';
import { type CommandEnd, commandError, howItEnded, keepTrack, signalProgram } from './program.ts';
import { StderrTail } from './stderr-tail.ts';

/** A program that does not end when asked is killed after this long, in milliseconds. */
const killMs = 5000;

/** A program whose socket is closed before it has served is about to end. Its exit code is waited for this long, in milliseconds. */
const firstExitMs = 1000;

/** How long the rest of a program's standard error is waited for after its end, in milliseconds. */
const stderrMs = 200;

/** A program that ends after it has served, when its channel has ended, is waited for this long, in milliseconds. */
const lateExitMs = 50;

/** What depends on how the program got its socket. */
export interface Launch {
  connect(options: ConnectOptions): Promise<ByteChannel>;
  cleanUp(): void;
}

export class RunningCommand implements CommandServer {
  readonly pid: number;
  readonly exited: Promise<CommandEnd>;
  readonly #child: ChildProcess;
  readonly #command: readonly string[];
  readonly #hasGroup: boolean;
  /** What the program has written to its standard error, if that is captured. */
  readonly #stderr: StderrTail | undefined;
  readonly #launch: Launch;
  #end: CommandEnd | undefined;
  /** Attempts to connect, which the program's end aborts. */
  readonly #connecting = new Set<AbortController>();

  constructor(child: ChildProcess, { command, processGroup = false }: CommandOptions, launch: Launch) {
    this.pid = child.pid as number;
    this.#child = child;
    this.#command = command;
    this.#hasGroup = processGroup;
    this.#stderr = child.stderr === null ? undefined : new StderrTail(child.stderr);
    this.#launch = launch;
    this.exited = keepTrack(child, processGroup, () => launch.cleanUp()).then((end) => {
      this.#end = end;
      void this.#endConnecting(end);
      return end;
    });
  }

  async connect(options: ConnectOptions = {}): Promise<ByteChannel> {
    if (this.#end !== undefined) throw await this.#exitError(this.#end);
    const abort = new AbortController();
    this.#connecting.add(abort);
    const signal = options.signal === undefined ? abort.signal : AbortSignal.any([abort.signal, options.signal]);
    try {
      const channel = await this.#launch.connect({ ...options, signal });
      if (channel instanceof StreamChannel) channel.explainEnd = () => this.#explainEnd(channel);
      return channel;
    } catch (error) {
      // The listening socket is closed: the program has ended, even if its exit has not been reported yet.
      if (error instanceof ConnectError && error.code !== 'ERR_NBD_COMMAND') throw (await this.#exitReason()) ?? error;
      throw error;
    } finally {
      this.#connecting.delete(abort);
    }
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    if (this.#end === undefined) signalProgram(this.#child, this.#hasGroup, signal);
  }

  async dispose(): Promise<void> {
    if (this.#end !== undefined) return;
    this.#child.ref();
    this.kill('SIGTERM');
    const timer = setTimeout(() => this.kill('SIGKILL'), killMs);
    await this.exited;
    clearTimeout(timer);
  }

  /**
   * Explains the end of a channel: on which the program has sent no byte, because it was never ready; or in the middle, because the
   * program has failed. One that ends in order after it has served needs no explanation.
   */
  async #explainEnd(channel: StreamChannel): Promise<Error | undefined> {
    if (channel.receivedBytes === 0) return await this.#exitReason();
    const reason = await this.#exitReason(lateExitMs);
    return this.#end?.code === 0 ? undefined : reason;
  }

  async #exitReason(exitDelayMs = firstExitMs): Promise<ConnectError | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const expiry = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, exitDelayMs, undefined);
    });
    const end = await Promise.race([this.exited, expiry]);
    clearTimeout(timer);
    return end === undefined ? undefined : await this.#exitError(end);
  }

  /** Ends the attempts to connect to a program that has ended, and reads the rest of its last words. */
  async #endConnecting(end: CommandEnd): Promise<void> {
    const error = await this.#exitError(end);
    for (const abort of this.#connecting) abort.abort(error);
  }

  /** Makes a new error for each caller. */
  async #exitError(end: CommandEnd): Promise<ConnectError> {
    await this.#stderr?.finish(stderrMs);
    const words = this.#stderr?.text ?? '';
    return commandError(this.#command, words === '' ? howItEnded(end) : `${howItEnded(end)}: ${words}`);
  }
}
