/** Answers a client's questions about exports: policy first, then the directory, then a place. */
import type { ExportOffer, Refusal } from '@nbdjs/handshake';
import type { ExportEntry } from '@nbdjs/protocol';
import type { PlaceRefusal } from '../admission/export-places.ts';
import type { ClientDescription } from '../exports/export.ts';
import { offerOf, refusalOf } from '../exports/export-offer.ts';
import type { ServerSettings } from '../server-settings.ts';
import type { AdmissionPolicy } from './admission-policy.ts';
import type { ExportDirectory } from './export-directory.ts';

export interface ExportDeskOptions {
  readonly policy: AdmissionPolicy;
  readonly directory: ExportDirectory;
  readonly settings: Pick<ServerSettings, 'payloadBytesMax' | 'connectionsMax'>;
  /** Waits for a place among the clients that use an export. The answer is why there is none. */
  readonly takePlace: () => Promise<PlaceRefusal | undefined> | undefined;
  /** Called with what a question was refused for. */
  readonly onRefused: (details: { readonly exportName?: string; readonly error: unknown }) => void;
}

export class ExportDesk {
  readonly #options: ExportDeskOptions;

  constructor(options: ExportDeskOptions) {
    this.#options = options;
  }

  /** What the client is told of an export; with `open`, it has a place to use it then. Never rejects. */
  async offer(
    client: ClientDescription,
    exportName: string,
    purpose: 'open' | 'info' | 'contexts',
  ): Promise<ExportOffer | Refusal> {
    const { policy, directory, settings, onRefused } = this.#options;
    try {
      policy.checkClient(client.tls);
      const one = await directory.open(exportName, client);
      if (one === undefined) return { refusal: 'unknown' };
      policy.checkExport(one, client.tls);
      if (purpose === 'open' && !policy.isHidden(one, client.tls)) {
        const refusal = await this.#waitForPlace();
        if (refusal !== undefined) return refusal;
      }
      const { payloadBytesMax, connectionsMax } = settings;
      return { ...offerOf(one, payloadBytesMax, connectionsMax), tlsOnly: policy.isTlsOnly(one) };
    } catch (error) {
      onRefused({ exportName, error });
      return refusalOf(error);
    }
  }

  /** The list of exports. Never rejects. */
  async list(client: ClientDescription): Promise<readonly ExportEntry[] | Refusal> {
    const { policy, directory, onRefused } = this.#options;
    if (!directory.canList) return { refusal: 'policy', text: 'exports are not listed here' };
    try {
      policy.checkClient(client.tls);
      return policy.listRefusal(client.tls) ?? (await directory.list(client));
    } catch (error) {
      onRefused({ error });
      return refusalOf(error);
    }
  }

  async #waitForPlace(): Promise<Refusal | undefined> {
    const refusal = await this.#options.takePlace();
    // A client that is gone is told nothing.
    if (refusal === undefined || refusal === 'gone') return undefined;
    if (refusal === 'closing') return { refusal: 'shutdown' };
    const { connectionsMax } = this.#options.settings;
    const clients = `${connectionsMax} client${connectionsMax === 1 ? '' : 's'}`;
    return { refusal: 'policy', text: `${clients} at a time can use the exports, and all places are taken` };
  }
}
