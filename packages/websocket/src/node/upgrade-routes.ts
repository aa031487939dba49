/** Several attachments at one server: one listener, which finds the one that a path belongs to. */
import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { urlOf } from './admission.ts';
import { refuse } from './refusal.ts';

/** What happens to the requests of one path. */
export interface UpgradeRoute {
  /** One path, or with `*` at its end all that begin so. */
  readonly path: string;
  /** Takes over a request. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

type Listener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

interface Routes {
  readonly all: Set<UpgradeRoute>;
  readonly listener: Listener;
}

const routesOf = new WeakMap<HttpServer | HttpsServer, Routes>();

export function addRoute(server: HttpServer | HttpsServer, route: UpgradeRoute): void {
  let routes = routesOf.get(server);
  if (routes === undefined) {
    const all = new Set<UpgradeRoute>();
    routes = { all, listener: (request, socket, head) => dispatch(server, all, request, socket, head) };
    routesOf.set(server, routes);
    server.on('upgrade', routes.listener);
  }
  routes.all.add(route);
}

export function removeRoute(server: HttpServer | HttpsServer, route: UpgradeRoute): void {
  const routes = routesOf.get(server);
  if (routes === undefined || !routes.all.delete(route) || routes.all.size > 0) return;
  routesOf.delete(server);
  server.off('upgrade', routes.listener);
}

function dispatch(
  server: HttpServer | HttpsServer,
  routes: ReadonlySet<UpgradeRoute>,
  ...[request, socket, head]: Parameters<Listener>
): void {
  const path = urlOf(request)?.pathname;
  const exact = [...routes].find((route) => route.path === path);
  const route = exact ?? [...routes].find((one) => one.path.endsWith('*') && path?.startsWith(one.path.slice(0, -1)));
  if (route !== undefined) {
    route.take(request, socket, head);
    return;
  }
  // Another listener may know the path. If there is none, no one else would ever answer.
  if (server.listenerCount('upgrade') > 1) return;
  socket.on('error', () => {});
  refuse(
    socket,
    path === undefined
      ? { status: 400, reason: 'the path is malformed' }
      : { status: 404, reason: 'nothing is served at this path' },
  );
}
