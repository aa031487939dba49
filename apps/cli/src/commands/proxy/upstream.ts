/** The server behind a proxy, as an opener of channels. */
import { type ConnectTarget, resolveTarget } from '@nbdjs/client';
import type { ChannelOpener } from '@nbdjs/interfaces';
import { connectEndpoint, createCommandOpener } from '@nbdjs/transport';

export interface Upstream {
  readonly opener: ChannelOpener;
  readonly exportName: string;
  readonly tlsRequired: boolean;
}

/** @throws UsageError for a target that is wrong. */
export function upstreamOf(target: ConnectTarget): Upstream {
  const { endpoint, exportName, tlsRequired, name } = resolveTarget(target);
  return { opener: { name, open: openerOf(endpoint).open }, exportName, tlsRequired };
}

function openerOf(endpoint: ReturnType<typeof resolveTarget>['endpoint']): ChannelOpener {
  if ('open' in endpoint) return { open: (how) => endpoint.open(how) };
  // All clients come to one program.
  if (endpoint.type === 'command') return createCommandOpener(endpoint);
  return { open: (how) => connectEndpoint(endpoint, how) };
}
