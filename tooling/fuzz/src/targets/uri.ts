/** NBD URIs. */
import { isNbdError } from '@nbdjs/interfaces';
import { formatUri, parseUri } from '@nbdjs/protocol';
import { insist, type Target } from '../target.ts';

const good = [
  'nbd://localhost',
  'nbds://user@[2001:db8::1%25eth0]:10810/a%20name?tls-psk-file=/etc/psk&tls-hostname=storage.example',
  'nbd+unix:///export?socket=/run/nbd.sock;x-unknown=1',
  'nbds+unix:///?socket=%2Frun%2Fnbd&tls-type=x509&tls-verify-peer=0',
  'nbd+vsock://2:10809//slash',
  'nbd://%E2%82%AC/%00',
];

export const uri: Target = {
  name: 'uri',
  corpus: () => good.map((text) => new TextEncoder().encode(text)),
  run({ seed, bytes }) {
    const text = new TextDecoder(seed % 2 === 0 ? 'utf-8' : 'latin1').decode(bytes);
    let parsed: ReturnType<typeof parseUri>;
    try {
      parsed = parseUri(text);
    } catch (error) {
      if (!isNbdError(error)) throw error;
      insist(error.message.length < 2000, 'a message without end');
      return;
    }
    // What is understood can be written down, and is understood the same way.
    const formatted = formatUri(parsed);
    insist(formatUri(parseUri(formatted)) === formatted, `${formatted} does not stand for itself`);
  },
};
