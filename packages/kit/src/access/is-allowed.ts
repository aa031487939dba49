/** Whether a peer of TLS is among those that are allowed. */
import type { TlsAllowance, TlsPeer } from '@nbdjs/interfaces';

/** Without an allowance, every peer is allowed. With one, a peer that has not identified itself is not. */
export function isAllowed(allowance: TlsAllowance | undefined, peer: TlsPeer | undefined): boolean {
  if (allowance === undefined) return true;
  if (peer === undefined) return false;
  if (typeof allowance === 'function') return allowance(peer);
  return [peer.subject, peer.user].some((name) => name !== undefined && allowance.includes(name));
}
