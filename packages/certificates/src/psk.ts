/**
 * Pre-shared keys: lines of
 * `user:key`, the key in hexadecimal digits, as GnuTLS and its psktool have them. User names that would be ambiguous are in hexadecimal digits, too: `#user:key`.
 */
import { randomBytes } from 'node:crypto';
import { UsageError } from '@nbdjs/interfaces';

/** A key that client and server share. */
export interface Psk {
  /** The name of the key's user. */
  readonly user: string;
  /** Hexadecimal digits. */
  readonly key: string;
}

const keyBytes = 32;

/** Makes a random key of 256 bits for a user. */
export function createPsk(user: string): Psk {
  return { user, key: randomBytes(keyBytes).toString('hex') };
}

/**
 * The content of a file with these keys.
 *
 * @throws UsageError for users and keys that could not be read back, and for users that are given twice.
 */
export function formatPskFile(keys: readonly Psk[]): string {
  const users = new Set<string>();
  for (const { user, key } of keys) {
    if (user === '' || /\p{Cc}/u.test(user)) {
      throw new UsageError(
        'ERR_NBD_ARGUMENT',
        `'${user}' is not a user name: it must not be empty or contain control characters`,
      );
    }
    if (users.has(user)) throw new UsageError('ERR_NBD_ARGUMENT', `the user '${user}' is given twice`);
    if (!/^([0-9a-f]{2})+$/i.test(key)) {
      throw new UsageError(
        'ERR_NBD_ARGUMENT',
        `the key of '${user}' is not made of hexadecimal digits, two for a byte`,
      );
    }
    users.add(user);
  }
  return keys.map(({ user, key }) => `${inFile(user)}:${key}\n`).join('');
}

/** A '#' at the beginning would make it a comment or digits, and for GnuTLS the key begins after the first colon. */
function inFile(user: string): string {
  return /^#|:/.test(user) ? `#${Buffer.from(user).toString('hex')}` : user;
}
