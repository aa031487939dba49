/** The server dies, at every byte that it has ever sent. */
import { CommandError, ConnectionLostError } from '@nbdjs/interfaces';
import { Command, WireError } from '@nbdjs/protocol';
import { type FakeRequest, patternBytes } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { CountingAbort, openSession } from './session.ts';

/** Answers with chunks of all kinds. */
function answer(request: FakeRequest): void {
  const { command, offset, length } = request;
  if (command === Command.Trim) request.fail(WireError.Enospc, 'no space');
  else if (command !== Command.Read || length < 30n) request.answer();
  else {
    request.answerRead([
      { type: 'hole', offset: offset + 10n, length: 10 },
      { type: 'data', offset, length: 10 },
      { type: 'data', offset: offset + 20n, length: Number(length) - 20 },
    ]);
  }
}

const content = patternBytes(512);

async function session(mode: 'simple' | 'structured' | 'extended', bytesUntilDeath: number, cause?: Error) {
  const { device, server, clock } = await openSession({
    mode,
    content: content.slice(),
    onRequest: answer,
    cut: () => 13,
  });
  const { connection } = server;
  connection.bytesUntilDeath = bytesUntilDeath;
  const { hangUp } = connection;
  connection.hangUp = () => hangUp.call(connection, cause);
  const abort = new CountingAbort();
  const { signal } = abort;
  const targets = [new Uint8Array(40), new Uint8Array(20), new Uint8Array(60)] as const;
  const outcomes = await Promise.allSettled([
    device.read(0, targets[0]),
    device.write(100, new Uint8Array(50), { signal }),
    device.read(200, targets[1], { signal }),
    device.flush({ signal }),
    device.trim(0, 100, { signal }),
    mode === 'simple' ? device.flush() : device.blockStatus(0, 100, { signal }),
    device.read(300, targets[2], { signal, onChunk() {} }),
  ]);
  await device.close();
  return { outcomes, device, server, clock, abort, targets };
}

describe.each(['simple', 'structured', 'extended'] as const)('%s replies', (mode) => {
  it('wherever the connection ends, every promise settles and nothing is left over', async () => {
    const whole = await session(mode, Number.POSITIVE_INFINITY);
    const total = whole.device.statistics.bytesReceived;
    expect(total).toBeGreaterThan(200);
    expect(whole.outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1);

    let before = 0;
    for (let cut = 0; cut <= total; cut++) {
      const cause = cut % 2 === 0 ? undefined : new Error('ECONNRESET');
      const { outcomes, clock, abort, server, device, targets } = await session(mode, cut, cause);
      for (const outcome of outcomes) {
        if (outcome.status === 'fulfilled' || outcome.reason instanceof CommandError) continue;
        expect(outcome.reason).toBeInstanceOf(ConnectionLostError);
        expect(outcome.reason).toMatchObject({ outcome: 'unknown' });
      }
      // What was told to be read was read.
      [0, 2, 6].forEach((index, which) => {
        const target = targets[which] as Uint8Array;
        const offset = [0, 200, 300][which] as number;
        const model = server.content.slice(offset, offset + target.length);
        if (mode !== 'simple' && target.length >= 30) model.fill(0, 10, 20);
        if (outcomes[index]?.status === 'fulfilled') expect([...target]).toEqual([...model]);
      });
      const succeeded = outcomes.filter(({ status }) => status === 'fulfilled').length;
      expect(succeeded).toBeGreaterThanOrEqual(before);
      before = succeeded;
      expect(clock.pending).toBe(0);
      expect(abort.listeners).toBe(0);
      expect(server.connection.channel.isDestroyed).toBe(true);
      expect(device.state).toBe('closed');
    }
    expect(before).toBe(6);
  });
});
