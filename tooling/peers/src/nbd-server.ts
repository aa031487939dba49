/** The reference server. */
import { writeFileSync } from 'node:fs';
import { type Listening, nextServerName, type PeerServer, startServer } from './server.ts';
import type { Workspace } from './workspace.ts';

export interface NbdServerExport {
  readonly name: string;
  /** Name of the file in the workspace. */
  readonly image: string;
  readonly readOnly?: boolean | undefined;
  /** Whether it offers to flush; the same for those that follow. @default false */
  readonly flush?: boolean | undefined;
  readonly fua?: boolean | undefined;
  readonly trim?: boolean | undefined;
  readonly rotational?: boolean | undefined;
  /** Further lines of the export's section, such as `copyonwrite = true`. */
  readonly lines?: readonly string[] | undefined;
}

export interface NbdServerOptions extends Listening {
  /** Whether clients may list the exports. @default true */
  readonly allowList?: boolean | undefined;
  /** Further lines of the general section, such as `force_tls = true`. */
  readonly lines?: readonly string[] | undefined;
}

export function startNbdServer(
  workspace: Workspace,
  exports: readonly NbdServerExport[],
  options: NbdServerOptions = {},
): Promise<PeerServer> {
  const name = nextServerName();
  const [configuration, pidFile] = [`${name}.conf`, `${name}.pid`];
  // Without `-n`, which 3.24 does not know, it becomes a daemon. With `-d` it would end with its first client.
  const isDaemon = workspace.generation === 'bookworm';
  return startServer(
    workspace,
    name,
    {
      program: 'nbd-server',
      isDaemon,
      // Written by the daemon only, although the option is accepted with `-n` as well.
      pidFile: isDaemon ? workspace.hostPath(pidFile) : undefined,
      args: (address) => {
        // With `unixsock` it does not listen on TCP at all, even if `port` is set.
        const where =
          address.type === 'unix'
            ? [`unixsock = ${address.peerPath}`]
            : ['listenaddr = 127.0.0.1', `port = ${address.port}`];
        const lines = ['[generic]', ...where, `allowlist = ${options.allowList ?? true}`, ...(options.lines ?? [])];
        for (const one of exports) lines.push(`[${one.name}]`, ...linesOf(one, workspace));
        writeFileSync(workspace.hostPath(configuration), `${lines.join('\n')}\n`);
        const files = ['-C', workspace.peerPath(configuration), '-p', workspace.peerPath(pidFile)];
        return isDaemon ? files : ['-n', ...files];
      },
    },
    options,
  );
}

function linesOf(one: NbdServerExport, workspace: Workspace): readonly string[] {
  const { readOnly: readonly, flush, fua, trim, rotational } = one;
  return [
    `exportname = ${workspace.peerPath(one.image)}`,
    ...Object.entries({ readonly, flush, fua, trim, rotational })
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key} = ${value}`),
    ...(one.lines ?? []),
  ];
}
