/** `NbdTcpClient` of `@vates/nbd-client`, which is its `NbdClient`, too. */
import type { ConnectOptions, ConnectTarget } from '@nbdjs/client';
import { AbstractNbdClient, type ClientOptions } from './abstract-client.ts';

export interface TcpSettings {
  readonly address: string;
  /** @default 10809 */
  readonly port?: number | undefined;
  /** @default the server's default export */
  readonly exportname?: string | undefined;
  /** Its presence means TLS, whose certificate is not verified unless `verify` is set. */
  readonly cert?: string | undefined;
  /** New here: `cert` is the authority to trust, and the server's certificate has to be for this name. */
  readonly verify?: { readonly hostname: string } | undefined;
}

export class NbdTcpClient extends AbstractNbdClient {
  readonly #settings: TcpSettings;

  constructor(settings: TcpSettings, options?: ClientOptions) {
    super(settings, options);
    this.#settings = settings;
  }

  override _target(): ConnectTarget {
    return { host: this.#settings.address, port: this.#settings.port, exportName: this.exportName };
  }

  override _connectOptions(): ConnectOptions {
    const { cert, verify } = this.#settings;
    if (cert === undefined) return {};
    if (verify === undefined) return { tls: { verifyPeer: false } };
    return { tls: { certificates: { ca: cert }, hostname: verify.hostname } };
  }
}
