/** Rules about the clients that may connect, as data. */
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';

/** The rules as data. */
export const accessRules = defineOptions({
  /** If there are entries, every other client is refused. @default none */
  allow: option.texts({
    doc: 'If there are entries, every other client is refused.',
    default: [],
    defaultText: 'none',
  }),
  /** Clients that are refused even if `allow` names them. @default none */
  deny: option.texts({
    doc: 'Clients that are refused even if `allow` names them.',
    default: [],
    defaultText: 'none',
  }),
});

/**
 * Each entry is an address (`192.0.2.1`, `2001:db8::1`), a network (`192.0.2.0/24`, `2001:db8::/32`), or a user or group of the
 * process at the other end of a Unix socket (`uid:1000`, `gid:100`; the listener has to look them up, option `users`). The
 * rules apply to clients that connect by TCP or Unix sockets.
 *
 * Entries of IPv4 also match clients that an IPv6 socket shows in mapped form (`::ffff:192.0.2.1`). Networks of IPv6 do not match those,
 * not even `::/0`, unless they are networks of IPv4 in mapped form (`::ffff:192.0.2.0/120`).
 */
export interface AccessRules extends OptionsOf<typeof accessRules> {}
