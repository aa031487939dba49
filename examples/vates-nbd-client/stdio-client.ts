/** `NbdStdioClient` of `@vates/nbd-client`: a server that is a program, on its standard input and output. */
import type { ConnectTarget } from '@nbdjs/client';
import { type CommandServer, runCommand } from '@nbdjs/transport';
import { AbstractNbdClient, type ClientOptions } from './abstract-client.ts';

export interface StdioSettings {
  readonly command: string;
  readonly args?: readonly string[] | undefined;
  readonly exportname?: string | undefined;
  /** The whole environment of the program. @default that of this process */
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly cwd?: string | undefined;
}

export class NbdStdioClient extends AbstractNbdClient {
  readonly #settings: StdioSettings;
  #server: CommandServer | undefined;

  constructor(settings: StdioSettings, options?: ClientOptions) {
    super(settings, options);
    this.#settings = settings;
  }

  /** The process id of the server; `undefined` when there is none. */
  get pid(): number | undefined {
    return this.#server?.pid;
  }

  override _target(): ConnectTarget {
    const { command, args = [], cwd, env } = this.#settings;
    return {
      name: command,
      exportName: this.exportName,
      open: async ({ signal }) => {
        const mode = 'socket-pair';
        const server = await runCommand({ command: [command, ...args], mode, cwd, env: onlyThese(env) });
        this.#server = server;
        void server.exited.then(() => {
          if (this.#server === server) this.#server = undefined;
        });
        const channel = await server.connect({ signal });
        void channel.closed.then(() => server.dispose());
        return channel;
      },
    };
  }

  /** Resolves when the program has ended, too. */
  override async _drop(): Promise<void> {
    const server = this.#server;
    await super._drop();
    await server?.dispose();
  }
}

/** `runCommand` adds to our environment, so the other variables are removed. */
function onlyThese(env: NodeJS.ProcessEnv | undefined): Record<string, string | undefined> | undefined {
  if (env === undefined) return undefined;
  return { ...Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined])), ...env };
}
