/** The server's half of the handshake, fed with what clients say. */
import { ServerHandshake, type ServerHandshakeOptions } from '@nbdjs/handshake';
import { isNbdError } from '@nbdjs/interfaces';
import { seededRandom } from '@nbdjs/testkit';
import { randomCut } from '../hostile-channel.ts';
import { sessions } from '../sessions.ts';
import { type Input, insist, type Target } from '../target.ts';
import { optionScripts } from './grammar.ts';

const offer = {
  size: 65_536n,
  transmissionFlags: 0xffff,
  blockSizes: { minimum: 1, preferred: 4096, maximum: 2 ** 25 },
  description: 'an export',
  contexts: ['base:allocation', 'qemu:allocation-depth', 'x:y'],
};

export const serverHandshake: Target = {
  name: 'server-handshake',
  corpus: () => [...sessions().map(({ client }) => client), ...optionScripts()],
  run({ seed, bytes }: Input) {
    const random = seededRandom(seed);
    const tls = (['off', 'off', 'require', 'allow'] as const)[Math.floor(random() * 4)];
    const mode = (['simple', 'structured', 'extended'] as const)[Math.floor(random() * 3)];
    const options: ServerHandshakeOptions = { tls, mode };
    const handshake = new ServerHandshake(options);
    const cut = randomCut(random);
    let finals = 0;
    let sentBytes = 0;
    const pump = (): void => {
      for (let again = true; again; ) {
        again = false;
        for (const { length } of handshake.takeOutput()) sentBytes += length;
        for (let event = handshake.nextEvent(); event !== undefined; event = handshake.nextEvent()) {
          again = true;
          if (event.type === 'export-wanted') {
            handshake.offer(random() < 0.8 ? { ...offer, tlsOnly: random() < 0.3 } : { refusal: 'unknown' });
          } else if (event.type === 'list-wanted') {
            handshake.list([{ name: 'a', description: 'b' }]);
          } else if (event.type === 'tls-upgrade') {
            handshake.tlsEstablished();
          } else {
            finals++;
            if (event.type === 'failed')
              insist(isNbdError(event.error), `a failure that is none of ours: ${event.error}`);
          }
        }
      }
    };
    pump();
    for (let position = 0; position < bytes.length && handshake.turn === 'client'; ) {
      const target = handshake.writable();
      insist(target.length > 0, 'no memory was named');
      const byteCount = Math.max(1, Math.min(target.length, bytes.length - position, cut()));
      target.set(bytes.subarray(position, position + byteCount));
      position += byteCount;
      handshake.advance(byteCount);
      pump();
    }
    handshake.ended();
    pump();
    insist(handshake.turn === 'none', 'the handshake goes on behind its end');
    insist(finals === 1, `the handshake ended ${finals} times`);
    insist(sentBytes <= 200 * (bytes.length + 100), `${sentBytes} bytes answer ${bytes.length}`);
  },
};
