/** Lists of the clients that may connect, and of those that may not. */
import { BlockList, isIP } from 'node:net';
import { type PeerDescription, UsageError } from '@nbdjs/interfaces';
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

export class AccessList {
  readonly #allowed: Entries | undefined;
  readonly #denied: Entries | undefined;

  /** @throws UsageError when an entry cannot be read. */
  constructor(rules: AccessRules = {}) {
    const { allow, deny } = accessRules.resolve('access', rules);
    this.#allowed = allow.length === 0 ? undefined : new Entries(allow);
    this.#denied = deny.length === 0 ? undefined : new Entries(deny);
  }

  /** Why a client may not connect. One is refused, too, when it is unknown whether an entry about it matches. */
  refusal(peer: PeerDescription): 'denied' | 'not-allowed' | undefined {
    if (peer.transport !== 'tcp' && peer.transport !== 'unix') return undefined;
    if (this.#denied !== undefined && this.#denied.match(peer) !== false) return 'denied';
    return this.#allowed === undefined || this.#allowed.match(peer) === true ? undefined : 'not-allowed';
  }
}

/** The network of IPv6 that holds the addresses of IPv4. */
const mappedBits = 96;
const mapped = new BlockList();
mapped.addSubnet('::ffff:0:0', mappedBits, 'ipv6');

class Entries {
  /** The lists never hold networks of the other family, which `BlockList` would compare in their mapped form. */
  readonly #ipv4 = new BlockList();
  readonly #ipv6 = new BlockList();
  readonly #users = new Set<number>();
  readonly #groups = new Set<number>();
  #hasAddresses = false;

  constructor(entries: readonly string[]) {
    for (const entry of entries) this.#add(entry);
  }

  /** Returns whether an entry matches this client; `undefined` when that is unknown, because its user or address is. */
  match({ transport, address, user }: PeerDescription): boolean | undefined {
    if (transport === 'unix') {
      if (this.#users.size === 0 && this.#groups.size === 0) return false;
      return user === undefined ? undefined : this.#users.has(user.uid) || this.#groups.has(user.gid);
    }
    if (!this.#hasAddresses) return false;
    // An address with a zone is a link-local one.
    const plain = address?.split('%')[0];
    if (plain === undefined || isIP(plain) === 0) return undefined;
    const family = isIP(plain) === 6 ? 'ipv6' : 'ipv4';
    return (family === 'ipv4' || mapped.check(plain, family) ? this.#ipv4 : this.#ipv6).check(plain, family);
  }

  #add(entry: string): void {
    const [, kind, id] = /^(uid|gid):(\d{1,10})$/.exec(entry) ?? [];
    if (id !== undefined) {
      (kind === 'uid' ? this.#users : this.#groups).add(Number(id));
      return;
    }
    const [address = '', prefix, ...more] = entry.split('/');
    const version = isIP(address);
    const bits = prefix === undefined ? undefined : Number(prefix);
    const isPrefix = bits === undefined || (/^\d{1,3}$/.test(prefix ?? '') && bits <= (version === 6 ? 128 : 32));
    if (version === 0 || address.includes('%') || !isPrefix || more.length > 0) {
      const message = `'${entry}' is not an entry of an access list: expected an address, ADDRESS/BITS, uid:N or gid:N`;
      throw new UsageError('ERR_NBD_ARGUMENT', message);
    }
    const family = version === 6 ? 'ipv6' : 'ipv4';
    this.#hasAddresses = true;
    const isMapped = version === 6 && (bits ?? 128) >= mappedBits && mapped.check(address, family);
    const list = version === 4 || isMapped ? this.#ipv4 : this.#ipv6;
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, bits, family);
  }
}
