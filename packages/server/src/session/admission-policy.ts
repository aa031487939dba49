/** Which exports a client may see and use, by what TLS knows of it. */
import type { Refusal } from '@nbdjs/handshake';
import { NegotiationError, type SecureUpgrade, type TlsPeer } from '@nbdjs/interfaces';
import { isAllowed } from '@nbdjs/kit';
import type { Export } from '../exports/export.ts';
import { needsTls } from '../exports/export-table.ts';

export class AdmissionPolicy {
  readonly #tls: SecureUpgrade | undefined;

  constructor(tls: SecureUpgrade | undefined) {
    this.#tls = tls;
  }

  /**
   * Checks the client against the server's own list. Before TLS there is no client to check.
   *
   * @throws NegotiationError `ERR_NBD_POLICY`
   */
  checkClient(client: TlsPeer | undefined): void {
    if (client === undefined || this.#tls?.admits(client) !== false) return;
    throw new NegotiationError('ERR_NBD_POLICY', `${nameOf(client)} is not served here`);
  }

  /** @throws NegotiationError `ERR_NBD_POLICY` */
  checkExport(one: Export, client: TlsPeer | undefined): void {
    if (client !== undefined && !isAllowed(one.allow, client)) {
      throw new NegotiationError('ERR_NBD_POLICY', `this export is not for ${nameOf(client)}`);
    }
    if (needsTls(one) && (this.#tls?.mode ?? 'off') === 'off') {
      throw new NegotiationError(
        'ERR_NBD_POLICY',
        'this export is for clients with TLS only, which is not set up here',
      );
    }
  }

  /** Whether clients without TLS are told that the export needs it. */
  isTlsOnly(one: Export): boolean {
    return needsTls(one) || this.#tls?.isSelective === true;
  }

  /** Whether the export is hidden from a client that has no TLS yet. */
  isHidden(one: Export, client: TlsPeer | undefined): boolean {
    return this.isTlsOnly(one) && client === undefined && this.#tls?.mode === 'allow';
  }

  /** Why a client gets no list of the exports. */
  listRefusal(client: TlsPeer | undefined): Refusal | undefined {
    if (client !== undefined || this.#tls?.isSelective !== true) return undefined;
    return { refusal: 'policy', text: 'exports are listed to clients with TLS only' };
  }
}

function nameOf({ subject, user }: TlsPeer): string {
  if (user !== undefined) return `user '${user}'`;
  return subject === undefined ? 'a client that has not identified itself' : `'${subject}'`;
}
