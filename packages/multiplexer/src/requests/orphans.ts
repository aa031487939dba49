/** Requests whose connection is lost before they were answered. */
import { lostError } from '../errors.ts';
import type { Request } from './request.ts';

/** A request that has cost so many connections their life is not given another one. */
const lossesMax = 32;

/**
 * Ends those that are not to be sent once more, and makes the others ready for that.
 *
 * @param mayRepeat whether requests go by the next connection at all; otherwise they fail.
 * @returns the others, in the same order.
 */
export function repeatable(
  orphans: readonly Request[],
  mayRepeat: boolean,
  cause: Error | undefined,
): readonly Request[] {
  const again: Request[] = [];
  for (const request of orphans) {
    const { details } = request;
    if (details?.onLost !== undefined) {
      details.onLost();
    } else if (request.isAbandoned) {
      request.finish();
    } else if (mayRepeat && request.detailed().losses++ < lossesMax) {
      request.startOver();
      again.push(request);
    } else {
      request.finish();
      request.reject(lostError(request, 'unknown', cause));
    }
  }
  return again;
}
