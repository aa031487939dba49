/** What a caller can do about each error, for `docs/errors.md`. */
import type { CommandErrorCode, ConnectErrorCode, NegotiationErrorCode, UsageErrorCode } from '@nbdjs/interfaces';

/** A sentence for each code, so that a new code without one does not compile. */
export const advice: Readonly<
  Record<
    | UsageErrorCode
    | NegotiationErrorCode
    | ConnectErrorCode
    | CommandErrorCode
    | 'ERR_NBD_PROTOCOL'
    | 'ERR_NBD_TIMEOUT'
    | 'ERR_NBD_CONNECTION_LOST'
    | 'ERR_NBD_WRITES_LOST',
    string
  >
> = {
  ERR_NBD_ARGUMENT: 'Correct the argument that the message names.',
  ERR_NBD_URI: 'Correct the URI; names of exports and sockets are percent-encoded in it.',
  ERR_NBD_OUT_OF_BOUNDS: 'Stay within `geometry.size`, which may have changed.',
  ERR_NBD_UNALIGNED: 'Use multiples of `geometry.minimumBlockSize`, or put `createBlockSizeLayer` over the device.',
  ERR_NBD_TOO_LONG: 'Divide the request, or shorten the text.',
  ERR_NBD_EMPTY: 'Leave the call out where there is nothing to do.',
  ERR_NBD_NOT_SUPPORTED: 'Look at `abilities` first, or do it another way.',
  ERR_NBD_READ_ONLY: 'Look at `abilities.readOnly` first.',
  ERR_NBD_CLOSED: 'Open it again.',
  ERR_NBD_EXISTS: 'Choose another name, or say that it may be replaced.',
  ERR_NBD_IMAGE:
    'Give another image; the message says where this one is damaged. `qemu-img check -r all` may repair a copy of it.',
  ERR_NBD_STATE: 'Call it at another time, as the message says.',
  ERR_NBD_UNKNOWN_EXPORT: 'List the exports (`nbd info --list`); wait for one with `awaitExport`.',
  ERR_NBD_TLS_REQUIRED: 'Use `nbds://`, or give `tls`.',
  ERR_NBD_TLS_REFUSED: 'Have TLS set up at the server, or do without it if the network is safe.',
  ERR_NBD_POLICY: 'Ask the owner of the server; the message has its reason.',
  ERR_NBD_INVALID_OPTION:
    'Ask for less, such as by `mode` or fewer `contexts`, and report it to the authors of the server.',
  ERR_NBD_PLATFORM: 'Ask for something else.',
  ERR_NBD_SERVER_SHUTDOWN: 'Try again later, or set `openTimeoutMs`.',
  ERR_NBD_BLOCK_SIZE_REQUIRED: 'Leave `requestBlockSizes` on, which is the default.',
  ERR_NBD_TOO_BIG: 'Use a shorter name, or fewer contexts.',
  ERR_NBD_EXTENDED_HEADERS_REQUIRED: 'Leave `mode` at `extended`, which is the default.',
  ERR_NBD_OPTION_UNSUPPORTED: 'Do without the option that the error names.',
  ERR_NBD_OPTION_REFUSED: 'Look at the text of the server.',
  ERR_NBD_FACTS_CHANGED: 'Open a new client: the export is another one than before.',
  ERR_NBD_CONNECT: 'Try again, or another address; the cause says what the system reported.',
  ERR_NBD_CONNECT_NONE_YET: 'Wait (`wait: true`), or ask again later.',
  ERR_NBD_HOST_NOT_FOUND: 'Correct the name of the host.',
  ERR_NBD_REFUSED: 'Start the server, or correct address and port; `openTimeoutMs` waits for it.',
  ERR_NBD_NOT_NBD: 'Correct the port: something else answers there.',
  ERR_NBD_PEER_CLOSED: 'Look at the log of the server; `mode` asks for less.',
  ERR_NBD_OUT_OF_STEP: 'Ask for less by `mode`, and report it to the authors of the server.',
  ERR_NBD_COMMAND:
    'Correct the command. The message ends with what it has written to its standard error, unless that is inherited.',
  ERR_NBD_TLS: 'Correct certificates, keys or `hostname`, as the message says.',
  ERR_NBD_WORKER: 'Try again: another thread is started. In a bundle, see `workerUrl`.',
  EPERM: 'Do not write to a read-only export.',
  EIO: 'Try again if the device may recover (`createRetryLayer`); what was written may be lost after a failed flush.',
  ENOMEM: 'Try again later, or with fewer or shorter requests.',
  EINVAL: 'Correct the request: its range, its alignment or its flags do not fit the export.',
  ENOSPC: 'Make room at the server, or stay within the size of the export.',
  EOVERFLOW: 'Divide the request, or leave out the flag that forbids to answer in pieces.',
  ENOTSUP: 'Do it another way, such as by writing zeroes without `fastZero`.',
  ESHUTDOWN: 'Connect again later; with a reconnect delay this happens by itself.',
  ERR_NBD_PROTOCOL: 'Report it to the authors of the peer, with `rule`, `section` and `excerptHex`.',
  ERR_NBD_TIMEOUT: 'Try again, or give it more time by the option of its `phase`.',
  ERR_NBD_CONNECTION_LOST:
    'Look at `outcome`: write again what has to be there, and flush. `reconnectDelayMs` does that by itself.',
  ERR_NBD_WRITES_LOST: 'Write the `ranges` once more, and flush.',
};
