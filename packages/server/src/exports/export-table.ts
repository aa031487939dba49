/** A fixed table of exports, as a provider. */
import type { ServerTls, TlsPeer } from '@nbdjs/interfaces';
import { isAllowed } from '@nbdjs/kit';
import { encodeText } from '@nbdjs/protocol';
import type { Export, ExportProvider, ExportTable } from './export.ts';

/** @throws UsageError when a name or a description cannot be sent. */
export function providerOf(exports: ExportTable | ExportProvider): ExportProvider {
  if (isProvider(exports)) return exports;
  const table = new Map(
    Object.entries(exports).map(([name, value]) => [name, 'device' in value ? value : { device: value }]),
  );
  for (const [name, { description = '' }] of table) {
    encodeText(name, 'export name');
    encodeText(description, 'description');
  }
  // A single export is the default one, whatever its name is.
  const [only] = table.size === 1 ? table.values() : [];
  return {
    open: (name) => table.get(name) ?? (name === '' ? only : undefined),
    list: ({ tls }) =>
      [...table]
        .filter(([, one]) => isVisible(one, tls))
        .map(([name, { description = '' }]) => ({ name, description })),
  };
}

/** What clients can learn about a server's exports before they connect. */
export interface Exported {
  /** The names of a table; absent where a provider decides. */
  readonly names: readonly string[] | undefined;
  /** Absent without TLS. */
  readonly tlsMode: ServerTls['mode'] | undefined;
}

export function exportedBy(exports: ExportTable | ExportProvider, tls: ServerTls | undefined): Exported {
  return { names: isProvider(exports) ? undefined : Object.keys(exports), tlsMode: tls?.mode };
}

/** Whether some of a table's exports are for certain clients, whom TLS has to identify then. */
export function namesClients(exports: ExportTable | ExportProvider): boolean {
  return !isProvider(exports) && Object.values(exports).some((one) => 'device' in one && one.allow !== undefined);
}

/** Whether an export is for clients with TLS only. */
export function needsTls({ tlsOnly, allow }: Export): boolean {
  return tlsOnly === true || allow !== undefined;
}

function isProvider(exports: ExportTable | ExportProvider): exports is ExportProvider {
  return typeof exports.open === 'function';
}

function isVisible(one: Export, tls: TlsPeer | undefined): boolean {
  return (tls !== undefined || !needsTls(one)) && isAllowed(one.allow, tls);
}
