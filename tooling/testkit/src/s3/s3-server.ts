/**
 * A small server that speaks S3, for tests: it checks signatures, digests and conditions as S3 does, and does what a test wants to go
 * wrong. It is no peer: what real stores do is tested with real ones.
 */
import { Bucket } from './bucket.ts';
import { answer } from './operations.ts';
import type { S3ServerOptions } from './s3-server-options.ts';
import { startTroubledServer, type TroubledServer } from './troubled-server.ts';

/** A server that runs. */
export interface S3Server extends TroubledServer, AsyncDisposable {
  readonly bucket: Bucket;
  /** Of later requests. */
  settings: S3ServerOptions;
}

/** Starts a server on a free port of 127.0.0.1. */
export async function startS3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  const bucket = new Bucket();
  const running: { settings: S3ServerOptions } = { settings: options };
  const server = await startTroubledServer({
    answer: (asked) => answer(asked, bucket, running.settings),
    trouble: (call) => running.settings.trouble?.(call),
  });
  return {
    endpoint: server.endpoint,
    calls: server.calls,
    bucket,
    get settings() {
      return running.settings;
    },
    set settings(settings) {
      running.settings = settings;
    },
    get connections() {
      return server.connections;
    },
    close: server.close,
    [Symbol.asyncDispose]: server.close,
  };
}
