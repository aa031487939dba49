/** An attacker between two channels: passes on what each side sends, until it injects bytes of its own. */
import type { ByteChannel } from '@nbdjs/interfaces';

/** A record of TLS 1.2 or 1.3 that cannot be decrypted. */
export const brokenRecord: Uint8Array = Uint8Array.of(0x17, 3, 3, 0, 0x40, ...new Array<number>(0x40).fill(0x7a));

export interface Relay {
  /** Sends bytes of our own to the left, and from then on passes no end on: so a side that closes does so because of these bytes. */
  slipIn(bytes: Uint8Array): void;
}

/** Joins two channels, which are given: each gets what the other one receives. */
export function relay(left: ByteChannel, right: ByteChannel): Relay {
  let passesEnds = true;
  const pass = (from: ByteChannel, to: ByteChannel): void => {
    let memory = new Uint8Array(10_000);
    from.open({
      writable: () => memory,
      advance: (byteCount) => {
        if (to.send([memory.slice(0, byteCount)])) return;
        from.pause(true);
        memory = new Uint8Array(10_000);
      },
      drained: () => to.pause(false),
      ended: () => {
        if (passesEnds) to.end();
      },
    });
  };
  pass(left, right);
  pass(right, left);
  return {
    slipIn(bytes) {
      passesEnds = false;
      left.send([bytes]);
    },
  };
}
