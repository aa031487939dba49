/** A server as raw connections, for an examination. */
import { resolveTarget, resolveTls } from '@nbdjs/client';
import type { ExaminedServer } from '@nbdjs/examiner';
import { connectEndpoint, createCommandOpener, createTlsClient } from '@nbdjs/transport';
import type { ServerOperand } from '../options/operand.ts';
import type { WebClientOptions } from '../options/web.ts';
import { targetOf, tlsOf } from './open-server.ts';

/** Makes what the examiner needs of an operand: an opener, the export, and TLS where it is set up. */
export async function examinedServer(server: ServerOperand, options: WebClientOptions): Promise<ExaminedServer> {
  const target = resolveTarget(await targetOf(server, options));
  const { endpoint, exportName, name } = target;
  const { settings } = resolveTls(target, { tls: tlsOf(server), allowLocalFiles: true });
  const host = 'type' in endpoint && endpoint.type === 'tcp' ? endpoint.host : undefined;
  const tls = settings === undefined ? undefined : createTlsClient(settings, host);
  const common = {
    exportName,
    name,
    ...(tls === undefined ? {} : { startTls: tls.upgrade }),
  };
  if ('open' in endpoint) return { ...common, open: (how) => endpoint.open(how) };
  if (endpoint.type === 'command') {
    const opener = createCommandOpener(endpoint);
    return { ...common, open: (how) => opener.open(how) };
  }
  return { ...common, open: ({ signal }) => connectEndpoint(endpoint, { signal }) };
}
