/** Listening sockets that a service manager has opened for this process: systemd's socket activation. */

import type { ListenTarget } from '@nbdjs/interfaces';
import { UsageError } from '@nbdjs/interfaces';

/** The descriptor of the first socket (`SD_LISTEN_FDS_START` of sd_listen_fds(3)). */
const firstDescriptor = 3;

/** More sockets than this are taken for a mistake in `LISTEN_FDS`. */
const socketsMax = 64;

/**
 * Returns the sockets that were passed to this process, in order, as targets for `listen`: none without socket
 * activation, or when the variables are for another process (`LISTEN_PID`).
 *
 * Removes `LISTEN_PID` and `LISTEN_FDS` from `environment`, so that child processes do not take the sockets for theirs. A
 * second call therefore returns no sockets.
 *
 * @param environment Where the variables are. @default process.env
 * @throws UsageError `ERR_NBD_ARGUMENT` when `LISTEN_FDS` is no number from 1 to 64.
 */
export function inheritedListeners(
  environment: NodeJS.ProcessEnv = process.env,
): readonly Extract<ListenTarget, { type: 'descriptor' }>[] {
  const { LISTEN_PID, LISTEN_FDS } = environment;
  if (LISTEN_FDS === undefined || Number(LISTEN_PID) !== process.pid) return [];
  const count = Number(LISTEN_FDS);
  if (!Number.isInteger(count) || count < 1 || count > socketsMax) {
    throw new UsageError('ERR_NBD_ARGUMENT', `LISTEN_FDS is '${LISTEN_FDS}', expected a number of descriptors`);
  }
  delete environment.LISTEN_PID;
  delete environment.LISTEN_FDS;
  return Array.from({ length: count }, (_, index) => ({ type: 'descriptor', fd: firstDescriptor + index }));
}
