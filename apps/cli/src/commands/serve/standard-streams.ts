/** Standard input and output as the connection of one client (`nbd serve --stdio`). */
import { fstatSync, type Stats } from 'node:fs';
import { isatty } from 'node:tty';
import type { ByteChannel } from '@nbdjs/interfaces';
import { adoptDescriptor, adoptStdio } from '@nbdjs/transport';
import { argumentError } from '../../errors/argument-error.ts';

/**
 * Requests come on descriptor 0 and replies go to descriptor 1. These may be pipes, or two sockets, as Node and others make
 * them for a child process. If both are the same socket, one channel is used for both directions.
 *
 * @throws UsageError when one of them cannot be part of a connection.
 */
export function standardChannel(): ByteChannel {
  const [input, output] = [statOf(0, 'input'), statOf(1, 'output')];
  if (input.isSocket() && output.isSocket() && input.ino === output.ino && input.dev === output.dev) {
    return adoptDescriptor(0);
  }
  return adoptStdio();
}

function statOf(fd: 0 | 1, name: string): Stats {
  const stats = fstatSync(fd);
  const refuse = (what: string): never => {
    const message = `--stdio: standard ${name} is ${what}, expected a pipe or a socket with a client at its other end`;
    throw argumentError(message);
  };
  if (isatty(fd)) refuse('a terminal');
  if (stats.isDirectory()) refuse('a directory');
  if (stats.isBlockDevice()) refuse('a block device');
  return stats;
}
