/** How a request that was answered ends. */
import { commandError } from '../errors.ts';
import type { Request } from './request.ts';

/** Settles the caller's promise, unless the caller has gone. */
export function conclude(request: Request): void {
  if (request.details !== undefined) request.finish();
  if (request.isAbandoned) return;
  if (request.error !== 0) request.reject(commandError(request));
  else if (request.details?.callbackFailure !== undefined) request.reject(request.details.callbackFailure.error);
  else request.resolve();
}
