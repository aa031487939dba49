/** What `nbd serve` may be told, and what of it does not go together. */
import { UsageError } from '@nbdjs/interfaces';
import type { GivenLimits, TlsServerSettings } from '@nbdjs/server';
import type { UpstreamWords } from './upstream.ts';

/** `mode`, `retries` and `contexts` are about servers that are served again. */
export interface ServeOptions extends UpstreamWords {
  readonly socket: string | undefined;
  readonly bind: string | undefined;
  readonly port: number | undefined;
  /** Connections that the system keeps until they are taken; nothing for as many as it can. */
  readonly backlog: number | undefined;
  readonly exportName: string | undefined;
  readonly description: string | undefined;
  readonly readOnly: boolean;
  /** Of the server, those that were given. */
  readonly limits: GivenLimits;
  /** Go on after the last client has left. */
  readonly persistent: boolean;
  /** Who may come, and who may not: entries as in `parseAccess`. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly offset: bigint | undefined;
  /** Tell which layer stores what, as qemu-nbd does. */
  readonly allocationDepth: boolean;
  /** Writes go to memory and are forgotten at the end. */
  readonly snapshot: boolean;
  /** Refuse what does not fit an export's blocks, of clients that have not asked for their sizes. */
  readonly refuseUnaligned: boolean;
  readonly pidFile: string | undefined;
  readonly printUri: boolean;
  /** Say nothing of where clients may come to. */
  readonly quiet: boolean;
  /** Greet as servers did before there were options. */
  readonly oldstyle: boolean;
  /** One client, on standard input and output. */
  readonly stdio: boolean;
  readonly tls: TlsServerSettings | undefined;
  /** Tell of all clients that are turned away or cut off. */
  readonly verbose: boolean;
}

/** @throws UsageError naming the two that exclude each other, or the one that makes no sense. */
export function refuseConflicts(options: ServeOptions, sourceCount: number, isActivated: boolean): void {
  const hasAddress = options.bind !== undefined || options.port !== undefined;
  const refuse = (one: string, other: string): never => {
    throw new UsageError('ERR_NBD_ARGUMENT', `${one} and ${other} exclude each other`);
  };
  if (options.socket === '')
    throw new UsageError('ERR_NBD_ARGUMENT', '--socket is empty, expected the path of a socket');
  if (options.pidFile === '')
    throw new UsageError('ERR_NBD_ARGUMENT', '--pid-file is empty, expected the path of a file');
  if (options.exportName !== undefined && sourceCount > 1) {
    const message = `--export-name is for an only export, and there are ${sourceCount}: name each by NAME=SOURCE`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  if (options.socket !== undefined && hasAddress) refuse('--socket', '--bind or --port');
  if (options.stdio && (options.socket !== undefined || hasAddress)) refuse('--stdio', '--socket, --bind or --port');
  if (options.stdio && options.backlog !== undefined) refuse('--stdio', '--backlog');
  if (!isActivated) return;
  if (options.socket !== undefined || hasAddress) refuse('socket activation', '--socket, --bind or --port');
  if (options.stdio) refuse('socket activation', '--stdio');
}

/** Whom rules about clients cannot mean, as lines to be told. */
export function vainRules(
  { socket, bind, port, allow, deny, stdio }: ServeOptions,
  isActivated: boolean,
): readonly string[] {
  const aboutUsers = /^(?:uid|gid|user):/;
  const all = [...allow, ...deny];
  if (all.length === 0) return [];
  if (stdio) return ['--allow and --deny do not apply to the client of --stdio'];
  // Nobody knows what a service manager has opened before somebody has come.
  if (isActivated) return [];
  const lines: string[] = [];
  const isUnix = socket !== undefined && bind === undefined && port === undefined;
  const what = isUnix
    ? 'addresses, and clients of a Unix socket have none'
    : 'users, and only clients of Unix sockets have them';
  const isVain = (entry: string): boolean => aboutUsers.test(entry) !== isUnix;
  if (allow.length > 0 && allow.every(isVain)) lines.push(`nobody can come: --allow names only ${what}`);
  if (deny.length > 0 && deny.every(isVain)) lines.push(`--deny keeps nobody out: it names only ${what}`);
  return lines;
}
