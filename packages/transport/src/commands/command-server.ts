/** How a program is started, and what its starter gets. */
import type { ByteChannel } from '@nbdjs/interfaces';
import type { ConnectOptions } from '../connecting/connect.ts';
import type { CommandEnd } from './program.ts';

/** Which program `runCommand` starts, and how it gets its socket. */
export interface CommandOptions {
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]];
  /**
   * `socket-activation`: the program inherits a listening socket as systemd would pass it (LISTEN_FDS); it can be
   * connected to several times. `socket-pair`: one connection on the program's standard input and output.
   */
  readonly mode: 'socket-activation' | 'socket-pair';
  /** Added to the environment of this process, which the program inherits; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The folder that the program starts in. @default that of this process */
  readonly cwd?: string | undefined;
  /**
   * `capture`: what the program writes to its standard error is read, and the last of it is a part of the error's message when the program
   * ends. `inherit`: the program writes to the standard error of this process.
   *
   * @default 'capture'
   */
  readonly stderr?: 'capture' | 'inherit' | undefined;
  /**
   * Gives the program a session and a process group of its own, so that the programs which it starts are ended with it. It cannot ask at
   * the terminal then.
   *
   * @default false
   */
  readonly processGroup?: boolean | undefined;
  /** Ends the program when aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** A program that was started. */
export interface CommandServer {
  /** The program's process id. It stays the same after the end, when the system may have given it to another process. */
  readonly pid: number;
  /** Resolves when the program has ended. */
  readonly exited: Promise<CommandEnd>;
  /**
   * Connects. The program may be ready later: its socket takes connections from the start. If the program ends before it has sent a
   * byte, the channel ends with the error of code `ERR_NBD_COMMAND` that this call would have thrown.
   *
   * @throws ConnectError `ERR_NBD_COMMAND` when the program has ended, naming how.
   */
  connect(options?: ConnectOptions): Promise<ByteChannel>;
  /** Sends a signal to the program. Does nothing once it has ended. */
  kill(signal?: NodeJS.Signals): void;
  /** Ends the program (SIGTERM, then SIGKILL 5 s later) and removes its socket. Resolves when it has ended. */
  dispose(): Promise<void>;
}
