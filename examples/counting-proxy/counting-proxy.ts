/** Serves an export again, and counts what its clients do. */
import { createServer, type Server as HttpServer } from 'node:http';
import { type ClientDescription, type Serving, serve } from '@nbdjs/server';
import type { BlockDevice } from '@nbdjs/storage';
import { type ListenTarget, listen } from '@nbdjs/transport';
import { ProxyMetrics, type ProxyMetricsOptions } from './proxy-metrics.ts';

export interface CountingProxy extends AsyncDisposable {
  readonly uri: string;
  readonly metrics: ProxyMetrics;
  /** Answers `GET /metrics`. */
  readonly web: HttpServer;
  /** Ends the proxy. The device belongs to the caller. */
  close(): Promise<void>;
}

/** Serves `device` under `name` at `target`. Listening with `web` is up to the caller. */
export async function startCountingProxy(
  target: ListenTarget,
  name: string,
  device: BlockDevice,
  options?: ProxyMetricsOptions,
): Promise<CountingProxy> {
  const metrics = new ProxyMetrics(options);
  const serving: Serving = await serve(target, {
    listen,
    exports: {
      open: (asked, client) =>
        asked === name || asked === '' ? { device: metrics.watch(device, labelOf(client)) } : undefined,
      list: () => [{ name, description: '' }],
    },
  });
  metrics.showClients(() => serving.server.sessions.length);
  const web = createServer(async (request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    const text = await metrics.registry.metrics();
    response.writeHead(200, { 'content-type': metrics.registry.contentType }).end(text);
  });
  const close = async () => {
    web.closeAllConnections();
    web.close();
    await serving.close();
  };
  return { uri: serving.uri, metrics, web, close, [Symbol.asyncDispose]: close };
}

/** Connections of one machine or one user belong together, so the port is left out. */
function labelOf({ peer, tls }: ClientDescription): string {
  return tls?.subject ?? peer.address ?? (peer.user === undefined ? peer.transport : `uid:${peer.user.uid}`);
}
