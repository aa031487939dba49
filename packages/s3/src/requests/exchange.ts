/** One request over HTTP and its answer, within limits of time and memory. */
import { type Agent, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Clock } from '@nbdjs/kit';
import type { BucketAddress } from '../settings/endpoint.ts';
import { BodyCollector } from './body-collector.ts';
import type { S3Answer, S3Request } from './request.ts';
import type { WireRequest } from './sign.ts';

/** How long things may take, in milliseconds. */
export interface ExchangeLimits {
  readonly clock: Clock;
  readonly connectMs: number;
  readonly idleMs: number;
  readonly requestMs: number;
}

/** There is no answer, or not all of one. */
export class ExchangeError extends Error {
  override readonly name = 'ExchangeError';
  /** The connection was an older one, which the store may have closed before the request came. */
  readonly isStale: boolean;

  constructor(message: string, isStale: boolean, cause?: unknown) {
    super(message, { cause });
    this.isStale = isStale;
  }
}

/**
 * Sends a request and collects the answer.
 *
 * @throws ExchangeError when the connection fails, a limit is over, or the answer is not whole; the signal's reason when it is aborted.
 */
export function exchange(
  { method, body, answerBytesMax }: S3Request,
  wire: WireRequest,
  { protocol, hostname, port }: BucketAddress,
  agent: Agent,
  limits: ExchangeLimits,
  signal: AbortSignal,
): Promise<S3Answer> {
  return new Promise((resolve, reject) => {
    const send = protocol === 'https:' ? requestHttps : requestHttp;
    const sent = send({ method, hostname, port, path: wire.path, headers: wire.headers, agent, setHost: false });
    let answer: IncomingMessage | undefined;
    const { clock, connectMs, idleMs, requestMs } = limits;
    const cancels = [clock.schedule(requestMs, () => fail(`no whole answer after ${requestMs} ms`), true)];
    const onAbort = (): void => end(() => reject(signal.reason));

    function end(settle: () => void): void {
      for (const cancel of cancels) cancel();
      signal.removeEventListener('abort', onAbort);
      settle();
      // An answer that is complete leaves its connection to the agent.
      if (answer?.complete !== true) sent.destroy();
    }
    function fail(message: string, cause?: unknown): void {
      const isStale = sent.reusedSocket && answer === undefined && cause !== undefined;
      end(() => reject(new ExchangeError(message, isStale, cause)));
    }

    signal.addEventListener('abort', onAbort, { once: true });
    sent.on('error', (cause) => fail(cause.message, cause));
    sent.on('socket', (socket) => {
      // Node's own: it knows whether bytes are still leaving.
      sent.setTimeout(idleMs, () => fail(`no byte came or went in ${idleMs} ms`));
      if (!socket.connecting) return;
      const cancel = clock.schedule(connectMs, () => fail(`no connection after ${connectMs} ms`), true);
      cancels.push(cancel);
      socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', cancel);
    });
    sent.on('response', (response) => {
      answer = response;
      const { statusCode: status = 0 } = response;
      const collector = new BodyCollector(response, answerBytesMax, method === 'HEAD');
      response.on('data', (piece: Uint8Array) => {
        const refusal = collector.add(piece);
        if (refusal !== undefined) fail(refusal);
      });
      response.on('error', (cause) => fail(`the answer was cut short: ${cause.message}`, cause));
      response.on('end', () => {
        const refusal = collector.check(response.complete);
        if (refusal !== undefined) fail(refusal);
        else end(() => resolve({ status, headers: flat(response), body: collector.bytes() }));
      });
    });
    sent.end(body);
  });
}

function flat({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  const entries = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(', ') : value,
  ]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
