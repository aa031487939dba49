/** TLS with the servers that operands name. */
import { parseUri } from '@nbdjs/client';
import { argumentError } from '../errors/argument-error.ts';
import { describeOperand, isServer, isWebUrl, type Operand } from '../options/operand.ts';
import { type ClientTlsOptions, tlsSources } from '../options/tls.ts';

/**
 * Combines the TLS options with an operand. Without `--tls` the options apply to the servers whose URIs demand TLS, or to all servers
 * if none does.
 *
 * @param operands All operands of the command.
 */
export function withTls<Some extends Operand>(
  operand: Some,
  options: ClientTlsOptions,
  operands: readonly Operand[] = [operand],
): Some {
  const { tls: mode, tlsHostname: hostname } = options;
  const settings = { ...tlsSources(options), ...(hostname === undefined ? {} : { hostname }) };
  if (mode === undefined && Object.keys(settings).length === 0) return operand;
  if (!operands.some(isServer)) throw argumentError('options about TLS need a server to connect to');
  if (!isServer(operand)) return operand;
  if (demandsTls(operand)) {
    if (mode === 'off') throw argumentError(`${describeOperand(operand)} demands TLS, but --tls is off`);
    return { ...operand, tls: { mode: 'require', ...settings } };
  }
  const own = mode ?? (operands.some(demandsTls) ? 'off' : 'require');
  return { ...operand, tls: own === 'off' ? { mode: own } : { mode: own, ...settings } };
}

function demandsTls(operand: Operand): boolean {
  if (operand.type !== 'uri') return false;
  return isWebUrl(operand.uri) ? /^(ws|http)s:/i.test(operand.uri) : parseUri(operand.uri).tlsRequired;
}
