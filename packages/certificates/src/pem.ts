/** PEM: DER in base64 between two lines that say what it is. */
import { UsageError } from '@nbdjs/interfaces';

const lineLength = 64;

export function formatPem(label: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/**
 * The first block with that label.
 *
 * @throws UsageError when there is none.
 */
export function parsePem(label: string, text: string): Uint8Array<ArrayBuffer> {
  const match = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]*)-----END ${label}-----`).exec(text);
  if (match?.[1] === undefined) {
    throw new UsageError('ERR_NBD_ARGUMENT', `expected PEM with a ${label}, got '${text.slice(0, 40).trim()}'`);
  }
  return Uint8Array.from(Buffer.from(match[1], 'base64'));
}
