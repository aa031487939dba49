/** Decides which clients may connect, by what is known of them before they say anything. */
import { type PeerDescription, UsageError } from '@nbdjs/interfaces';
import type { AccessRules } from './access-rules.ts';

export interface ClientFilter {
  /** Why a client may not connect. One is refused, too, when it is unknown whether an entry about it matches. */
  refusal(peer: PeerDescription): 'denied' | 'not-allowed' | undefined;
}

/** Makes the filter of a server from its rules, if it has any. */
export type MakeClientFilter = (rules?: AccessRules) => ClientFilter;

/**
 * The filter where there are no lists of addresses: every client may connect.
 *
 * @throws UsageError `ERR_NBD_NOT_SUPPORTED` when there are rules, because nothing would hold clients to them.
 */
export const withoutRules: MakeClientFilter = (rules) => {
  if (rules !== undefined) {
    const message =
      'access: rules about addresses and users need Node, that is @nbdjs/server instead of @nbdjs/server/core';
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
  }
  return { refusal: () => undefined };
};
