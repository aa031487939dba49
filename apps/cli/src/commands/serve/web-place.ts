/** Where `--web` listens, as one word. */
import { argumentError } from '../../errors/argument-error.ts';
import { parseCount } from '../../options/size.ts';

/** An address and a port to listen on. */
export interface WebPlace {
  /** `undefined`: all addresses. */
  readonly host: string | undefined;
  readonly port: number;
}

/** Makes the parser of `PORT`, `HOST:PORT`, `[IPV6]:PORT` and `*:PORT`. `what` is what the error message names. */
export function webPlace(what: string): (word: string) => WebPlace {
  return (word) => {
    const [, bracketed, plain, port] = /^(?:(?:\[([^\]]+)\]|([^:[\]]*)):)?(\d+)$/.exec(word) ?? [];
    if (port === undefined) throw argumentError(`${what}: '${word}' is not a port, HOST:PORT or [IPV6]:PORT`);
    const host = bracketed ?? plain ?? '127.0.0.1';
    if (host === '')
      throw argumentError(`${what}: '${word}' has no host before the colon, '*' stands for all addresses`);
    return { host: host === '*' ? undefined : host, port: parseCount(port, what, 0, 65_535) };
  };
}
