/**
 * What becomes of the requests that were in flight when their connection was lost: the one place to change for sending
 * them again.
 */
import { lostError } from './failures.ts';
import type { Request } from './request.ts';

/** Decides about requests that were given to a connection and never answered, oldest first. */
export type AfterLoss = (requests: readonly Request[], cause: Error | undefined) => void;

/** They fail: the server may have carried them out, or not. */
export const failAfterLoss: AfterLoss = (requests, cause) => {
  for (const request of requests) {
    request.finish();
    if (!request.isAbandoned) request.reject(lostError(request, 'unknown', cause));
  }
};
