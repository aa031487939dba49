/** One attempt to open a channel, and the errors of attempts that fail. */
import type { IncomingMessage } from 'node:http';
import { type ByteChannel, ConnectError, type ConnectErrorCode, type PeerDescription } from '@nbdjs/interfaces';
import { oneLine } from '../channel/one-line.ts';

/** An attempt that is under way. */
export interface Attempt {
  /** The channel, when it is open. */
  readonly channel: Promise<ByteChannel>;
  /** Gives the attempt up: `channel` rejects with the reason, and everything is released. */
  abandon(reason: unknown): void;
}

/** Characters of a server's answer that are repeated in a message. */
const excerptLength = 200;

/** Bytes of a server's answer that are read for that. */
const answerBytesMax = 4096;

const codes: Readonly<Record<string, ConnectErrorCode>> = {
  ENOTFOUND: 'ERR_NBD_HOST_NOT_FOUND',
  EAI_AGAIN: 'ERR_NBD_HOST_NOT_FOUND',
  ECONNREFUSED: 'ERR_NBD_REFUSED',
};

const words: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no host of this name',
  EAI_AGAIN: 'the host name cannot be looked up at the moment',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the server closed the connection',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'no answer',
  ENOENT: 'there is no such socket',
};

/** Answers that another attempt may change: time-outs, rates, and faults of the server. */
const passingStatuses: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Makes the error for a server that cannot be reached, or whose certificate is not accepted. */
export function connectFailure(error: Error, { name }: PeerDescription): ConnectError {
  const code = String((error as NodeJS.ErrnoException).code ?? '');
  if (isTlsFailure(code)) {
    return new ConnectError('ERR_NBD_TLS', `cannot connect to ${name}: TLS failed: ${oneLine(error.message)}`, {
      cause: error,
      permanent: true,
    });
  }
  const why = code.startsWith('HPE_') ? 'the server does not speak HTTP' : words[code];
  return new ConnectError(
    codes[code] ?? (code.startsWith('HPE_') ? 'ERR_NBD_NOT_NBD' : 'ERR_NBD_CONNECT'),
    `cannot connect to ${name}: ${why ?? oneLine(error.message)}`,
    {
      cause: error,
    },
  );
}

/** Makes the error for a server that has answered, but not with an upgrade. Reads the beginning of its answer for that. */
export async function answerFailure(response: IncomingMessage, { name }: PeerDescription): Promise<ConnectError> {
  const { statusCode = 0, statusMessage = '', headers } = response;
  const text = oneLine(await beginningOf(response)).slice(0, excerptLength);
  const target = headers.location === undefined ? '' : ` to ${oneLine(headers.location).slice(0, excerptLength)}`;
  const answer = `HTTP ${statusCode} ${oneLine(statusMessage)}${target}${text === '' ? '' : `: ${text}`}`;
  const isOther = statusCode < 300 || statusCode === 404 || statusCode === 426;
  return new ConnectError(isOther ? 'ERR_NBD_NOT_NBD' : 'ERR_NBD_CONNECT', `cannot connect to ${name}: ${answer}`, {
    permanent: !passingStatuses.has(statusCode),
  });
}

/** Reads the beginning of an answer, and gives up the rest. */
function beginningOf(response: IncomingMessage): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let byteCount = 0;
    const finish = (): void => resolve(Buffer.concat(chunks).subarray(0, answerBytesMax).toString('utf8'));
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      byteCount += chunk.length;
      if (byteCount >= answerBytesMax) response.destroy();
    });
    response.on('error', finish).on('close', finish).on('end', finish);
  });
}

function isTlsFailure(code: string): boolean {
  return (
    /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|ERR_OSSL)/.test(code) ||
    code === 'DEPTH_ZERO_SELF_SIGNED_CERT' ||
    code === 'SELF_SIGNED_CERT_IN_CHAIN' ||
    code === 'EPROTO' ||
    code === 'HOSTNAME_MISMATCH'
  );
}
