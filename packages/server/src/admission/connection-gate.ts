/** Decides which clients may connect: by the access list, and by how many connections an address has. */
import type { Clock, PeerDescription } from '@nbdjs/interfaces';
import type { ServerSettings } from '../server-settings.ts';
import type { RefusalReason } from '../statistics/client-counts.ts';
import type { ClientFilter } from './client-filter.ts';

/** Loopback addresses stand for every user of this machine, so they are limited only where these are given expressly. */
type GateLimits = Pick<ServerSettings, 'connectionsPerAddressMax' | 'connectsPerSecondMax'>;

/** Which of them apply to loopback addresses, too. */
export type LoopbackLimits = { readonly [Name in keyof GateLimits]: boolean };

/** A token bucket, and the established connections. */
interface AddressRecord {
  connections: number;
  /** How many more may connect at once, as of `atMs`. */
  tokens: number;
  atMs: number;
}

/** The network of `::1`. */
const loopbackNetwork = '0:0:0:0';

/** Addresses without a connection that are remembered: if they were forgotten at once, the rate would not hold. */
const addressesKeptMax = 10_000;

export class ConnectionGate {
  readonly #clock: Clock;
  readonly #limits: GateLimits;
  readonly #loopback: GateLimits;
  readonly #access: ClientFilter;
  readonly #addresses = new Map<string, AddressRecord>();

  constructor(clock: Clock, limits: GateLimits, loopback: LoopbackLimits, access: ClientFilter) {
    this.#clock = clock;
    this.#limits = limits;
    this.#loopback = {
      connectionsPerAddressMax: loopback.connectionsPerAddressMax ? limits.connectionsPerAddressMax : 0,
      connectsPerSecondMax: loopback.connectsPerSecondMax ? limits.connectsPerSecondMax : 0,
    };
    this.#access = access;
  }

  /** Why the client may not connect. After `undefined`, `leave` has to be called when the client is gone. */
  enter(peer: PeerDescription): RefusalReason | undefined {
    const refusal = this.#access.refusal(peer);
    if (refusal !== undefined) return refusal;
    const key = keyOf(peer);
    if (key === undefined) return undefined;
    const limits = isLoopback(key) ? this.#loopback : this.#limits;
    const { connectionsPerAddressMax: most, connectsPerSecondMax: rate } = limits;
    const address = this.#find(key);
    if (most > 0 && address.connections >= most) return 'too-many-from-address';
    if (rate > 0) {
      const now = this.#clock.now();
      address.tokens = Math.min(2 * rate, address.tokens + ((now - address.atMs) * rate) / 1000);
      address.atMs = now;
      if (address.tokens < 1) return 'too-often-from-address';
      address.tokens--;
    }
    address.connections++;
    return undefined;
  }

  leave(peer: PeerDescription): void {
    const key = keyOf(peer);
    const address = key === undefined ? undefined : this.#addresses.get(key);
    if (address !== undefined) address.connections--;
  }

  #find(key: string): AddressRecord {
    const known = this.#addresses.get(key);
    if (known !== undefined) {
      // The map is in the order of use: the addresses used last are forgotten last.
      this.#addresses.delete(key);
      this.#addresses.set(key, known);
      return known;
    }
    if (this.#addresses.size >= addressesKeptMax) this.#forgetUnused();
    const address = { connections: 0, tokens: 2 * this.#limits.connectsPerSecondMax, atMs: this.#clock.now() };
    this.#addresses.set(key, address);
    return address;
  }

  #forgetUnused(): void {
    for (const [key, { connections }] of this.#addresses) {
      if (connections > 0) continue;
      this.#addresses.delete(key);
      if (this.#addresses.size < addressesKeptMax) return;
    }
  }
}

/** What counts as one address: with IPv6 a whole /64 network, because a host has all of its addresses. */
function keyOf({ address }: PeerDescription): string | undefined {
  if (address === undefined) return undefined;
  if (!address.includes(':')) return address;
  const plain = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return plain ?? networkOf(address);
}

function isLoopback(key: string): boolean {
  return key.startsWith('127.') || key === loopbackNetwork;
}

/** The first 64 bits of an IPv6 address, written out. */
function networkOf(address: string): string {
  const [front = '', back] = (address.split('%')[0] ?? '').split('::');
  const head = front === '' ? [] : front.split(':');
  const tail = back === undefined || back === '' ? [] : back.split(':');
  const zeroes =
    back === undefined ? [] : Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0');
  return [...head, ...zeroes, ...tail].slice(0, 4).join(':');
}
