/** Decides who may come in: by who they are, and by how many of them there are. */
import type { Clock, PeerDescription } from '@nbdjs/interfaces';
import type { AccessList } from './access.ts';
import type { RefusalReason } from './clients.ts';

/** This machine's own address stands for all who use it, so it is limited only when somebody says so: when these are given. */
export interface GateLimits {
  /** Connections of one address at a time, those that wait among them; 0 for no limit. */
  readonly connectionsPerAddressMax: number;
  /** New connections of one address each second, after a burst of twice as many; 0 for no limit. */
  readonly connectsPerSecondMax: number;
}

/** Which of them are meant for this machine's own address, too. */
export type LoopbackLimits = { readonly [Name in keyof GateLimits]: boolean };

interface Address {
  connections: number;
  /** How many more may come at once, as of `atMs`. */
  tokens: number;
  atMs: number;
}

/** That of `::1`. */
const loopbackNetwork = '0:0:0:0';

/** So many addresses are remembered without having a connection, lest a forgetful gate be an open one. */
const remembersMax = 10_000;

export class Gate {
  readonly #clock: Clock;
  readonly #limits: GateLimits;
  readonly #loopback: GateLimits;
  readonly #access: AccessList;
  readonly #addresses = new Map<string, Address>();

  constructor(clock: Clock, limits: GateLimits, loopback: LoopbackLimits, access: AccessList) {
    this.#clock = clock;
    this.#limits = limits;
    this.#loopback = {
      connectionsPerAddressMax: loopback.connectionsPerAddressMax ? limits.connectionsPerAddressMax : 0,
      connectsPerSecondMax: loopback.connectsPerSecondMax ? limits.connectsPerSecondMax : 0,
    };
    this.#access = access;
  }

  /** Why the client may not come in. Whoever may has to `leave` in the end. */
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

  #find(key: string): Address {
    const known = this.#addresses.get(key);
    if (known !== undefined) {
      // Those heard of last are forgotten last.
      this.#addresses.delete(key);
      this.#addresses.set(key, known);
      return known;
    }
    if (this.#addresses.size >= remembersMax) this.#forget();
    const address = { connections: 0, tokens: 2 * this.#limits.connectsPerSecondMax, atMs: this.#clock.now() };
    this.#addresses.set(key, address);
    return address;
  }

  #forget(): void {
    for (const [key, { connections }] of this.#addresses) {
      if (connections > 0) continue;
      this.#addresses.delete(key);
      if (this.#addresses.size < remembersMax) return;
    }
  }
}

/** What counts as one address: whoever has an IPv6 address has a whole network of them. */
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
