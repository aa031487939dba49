/** Options of `nbd serve` that exclude each other or have no effect. */
import { argumentError } from '../../errors/argument-error.ts';
import type { ServeOptions } from './command.ts';

/** @throws UsageError naming the two options that exclude each other, or the one that makes no sense. */
export function requireCompatible(options: ServeOptions, sourceCount: number, isActivated: boolean): void {
  const { socket, bind, port, exportName, stdio: isStdio = false, backlog } = options;
  const hasAddress = bind !== undefined || port !== undefined;
  requireOnePlace(options);
  if (exportName !== undefined && sourceCount > 1) {
    throw argumentError(`--export-name is for an only export, and there are ${sourceCount}: name each by NAME=SOURCE`);
  }
  if (isStdio && (socket !== undefined || hasAddress)) exclude('--stdio', '--socket, --bind or --port');
  if (isStdio && backlog !== undefined) exclude('--stdio', '--backlog');
  if (options.discard === 'ignore' && options.detectZeroes === 'unmap') {
    exclude('--discard ignore', '--detect-zeroes unmap');
  }
  requireOnlyWeb(options, isActivated);
  requireOwnPlace(options, isActivated);
  if (!isActivated) return;
  if (socket !== undefined || hasAddress) exclude('socket activation', '--socket, --bind or --port');
  if (isStdio) exclude('socket activation', '--stdio');
}

/** What goes on in the background has to listen by itself. */
function requireOwnPlace({ fork, stdio, connectTo }: ServeOptions, isActivated: boolean): void {
  if (fork !== true) return;
  if (stdio === true) exclude('--fork', '--stdio');
  if (connectTo !== undefined) exclude('--fork', '--connect-to');
  if (isActivated) exclude('--fork', 'socket activation');
}

/** Clients come to a socket or to an address. */
export function requireOnePlace({ socket, bind, port }: Pick<ServeOptions, 'socket' | 'bind' | 'port'>): void {
  if (socket !== undefined && (bind !== undefined || port !== undefined)) exclude('--socket', '--bind or --port');
}

/** By WebSocket and HTTP Upgrade, a server is reached in one way only. */
function requireOnlyWeb(options: ServeOptions, isActivated: boolean): void {
  const { web, connectTo, webPath, webTokenFile, webOrigin, socket, bind, port, stdio, backlog } = options;
  const companions = { '--web-path': webPath, '--web-token-file': webTokenFile, '--web-origin': webOrigin };
  const [companion] = Object.entries(companions).find(([, value]) => value !== undefined) ?? [];
  if (companion !== undefined && web === undefined) throw argumentError(`${companion} needs --web`);
  if (web === undefined && connectTo === undefined) return;
  if (web !== undefined && connectTo !== undefined) exclude('--web', '--connect-to');
  const one = web === undefined ? '--connect-to' : '--web';
  if (socket !== undefined || bind !== undefined || port !== undefined) exclude(one, '--socket, --bind or --port');
  if (stdio === true) exclude(one, '--stdio');
  if (backlog !== undefined) exclude(one, '--backlog');
  if (isActivated) exclude(one, 'socket activation');
}

function exclude(one: string, other: string): never {
  throw argumentError(`${one} and ${other} exclude each other`);
}

/** Returns warnings about rules for clients that can never match. */
export function idleRules(options: ServeOptions, isActivated: boolean): readonly string[] {
  const { socket, bind, port, allow = [], deny = [], stdio } = options;
  if (allow.length === 0 && deny.length === 0) return [];
  if (stdio === true) return ['--allow and --deny do not apply to the client of --stdio'];
  // What a service manager has opened is not known before a client comes.
  if (isActivated) return [];
  const lines: string[] = [];
  const isUnix = socket !== undefined && bind === undefined && port === undefined;
  const what = isUnix
    ? 'addresses, and clients of a Unix socket have none'
    : 'users, and only clients of Unix sockets have them';
  const isIdle = (entry: string): boolean => /^(?:uid|gid|user):/.test(entry) !== isUnix;
  if (allow.length > 0 && allow.every(isIdle)) lines.push(`no client can come: --allow names only ${what}`);
  if (deny.length > 0 && deny.every(isIdle)) lines.push(`--deny keeps no client out: it names only ${what}`);
  return lines;
}
