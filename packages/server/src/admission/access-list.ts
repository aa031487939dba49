/** Lists of the clients that may connect, and of those that may not. */
import { BlockList, isIP } from 'node:net';
import { type PeerDescription, UsageError } from '@nbdjs/interfaces';
import { type AccessRules, accessRules } from './access-rules.ts';
import type { ClientFilter } from './client-filter.ts';

/** The rules, with the lists of addresses that Node has. */
export class AccessList implements ClientFilter {
  readonly #allowed: Entries | undefined;
  readonly #denied: Entries | undefined;

  /** @throws UsageError when an entry cannot be read. */
  constructor(rules: AccessRules = {}) {
    const { allow, deny } = accessRules.resolve('access', rules);
    this.#allowed = allow.length === 0 ? undefined : new Entries(allow);
    this.#denied = deny.length === 0 ? undefined : new Entries(deny);
  }

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
