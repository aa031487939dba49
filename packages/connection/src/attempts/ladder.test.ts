import { ConnectError, NegotiationError, TimeoutError } from '@nbdjs/interfaces';
import { describe, expect, it } from 'vitest';
import { Ladder, type Step } from './ladder.ts';

function hungUpAt(option?: string): ConnectError {
  return new ConnectError('ERR_NBD_PEER_CLOSED', `hung up at ${option}`, { option });
}

/** Attempts that fail with these errors, one after the other, and then succeed. */
function scripted(errors: readonly unknown[]) {
  const asked: (readonly string[])[] = [];
  const left = [...errors];
  const attempt = async (avoid: readonly string[]) => {
    asked.push(avoid);
    if (left.length > 0) throw left.shift();
    return 'met';
  };
  return { asked, attempt };
}

const least = ['EXTENDED_HEADERS', 'STRUCTURED_REPLY', 'LIST_META_CONTEXT', 'SET_META_CONTEXT', 'INFO', 'GO'];

describe('A6: the ladder', () => {
  it.each([
    ['EXTENDED_HEADERS', ['EXTENDED_HEADERS']],
    ['STRUCTURED_REPLY', ['EXTENDED_HEADERS', 'STRUCTURED_REPLY']],
    ['SET_META_CONTEXT', ['SET_META_CONTEXT', 'LIST_META_CONTEXT']],
    ['LIST_META_CONTEXT', ['SET_META_CONTEXT', 'LIST_META_CONTEXT']],
    ['INFO', ['INFO']],
    ['GO', ['GO', 'INFO', 'EXTENDED_HEADERS']],
  ])('leaves out the options that belong to %s', async (option, avoided) => {
    const steps: Step[] = [];
    const { asked, attempt } = scripted([hungUpAt(option)]);
    expect(await new Ladder([], (step) => steps.push(step)).descend(attempt)).toBe('met');
    expect(asked).toEqual([[], avoided]);
    expect(steps).toEqual([{ option, avoided }]);
  });

  it('uses the fewest options at the second step, and keeps the options that have worked', async () => {
    const ladder = new Ladder();
    const { asked, attempt } = scripted([hungUpAt('EXTENDED_HEADERS'), hungUpAt('STRUCTURED_REPLY')]);
    await ladder.descend(attempt);
    expect(asked).toEqual([[], ['EXTENDED_HEADERS'], least]);
    const later = scripted([]);
    await ladder.descend(later.attempt);
    expect(later.asked).toEqual([least]);
  });

  it('ends there, with the last error of the server, and begins again the next time', async () => {
    const ladder = new Ladder();
    const last = new NegotiationError('ERR_NBD_UNKNOWN_EXPORT', 'no such export');
    const { asked, attempt } = scripted([hungUpAt('GO'), hungUpAt('EXPORT_NAME'), last]);
    await expect(ladder.descend(attempt)).rejects.toMatchObject({ option: 'EXPORT_NAME' });
    await expect(ladder.descend(attempt)).rejects.toBe(last);
    expect(asked).toEqual([[], ['GO', 'INFO', 'EXTENDED_HEADERS'], []]);
  });

  it('takes hanging up at EXPORT_NAME for a refusal only where GO was refused in words', async () => {
    const refusal = new NegotiationError('ERR_NBD_UNKNOWN_EXPORT', 'hung up', { option: 'EXPORT_NAME' });
    const outOfStep = new ConnectError('ERR_NBD_OUT_OF_STEP', 'hung up after GO', { option: 'GO' });
    const first = hungUpAt('GO');
    await expect(new Ladder().descend(scripted([outOfStep, refusal]).attempt)).rejects.toBe(refusal);
    await expect(new Ladder().descend(scripted([first, refusal]).attempt)).rejects.toBe(first);
  });

  it('reports the end of the first handshake, and not that a later connection failed', async () => {
    const busy = [
      new ConnectError('ERR_NBD_REFUSED', 'connection refused'),
      new TimeoutError('handshake', 'no greeting'),
      hungUpAt(),
    ];
    for (const error of busy) {
      const { attempt } = scripted([hungUpAt('GO'), error]);
      await expect(new Ladder().descend(attempt)).rejects.toMatchObject({ option: 'GO' });
    }
  });

  it.each([
    ['a refusal', new NegotiationError('ERR_NBD_POLICY', 'denied', { option: 'GO' })],
    ['a time-out', new TimeoutError('handshake', 'no answer', { option: 'GO' })],
    ['a hang-up before any option', hungUpAt()],
    ['a hang-up at STARTTLS, which would lead to clear text', hungUpAt('STARTTLS')],
    ['an error that does not come from the server', new Error('stop')],
  ])('is not for %s', async (_, error) => {
    const { asked, attempt } = scripted([error]);
    await expect(new Ladder().descend(attempt)).rejects.toBe(error);
    expect(asked).toHaveLength(1);
  });

  it('leaves a break that may be an accident to a caller that repeats attempts', async () => {
    const patient = new Ladder([], undefined, true);
    const accidents = scripted([hungUpAt('GO'), hungUpAt('EXTENDED_HEADERS'), hungUpAt(), hungUpAt('GO')]);
    for (let attempt = 0; attempt < 4; attempt++)
      await expect(patient.descend(accidents.attempt)).rejects.toThrow('hung up');
    expect(await patient.descend(accidents.attempt)).toBe('met');
    expect(accidents.asked).toEqual([[], [], [], [], []]);

    const systematic = scripted([hungUpAt('GO'), hungUpAt('GO')]);
    const other = new Ladder([], undefined, true);
    await expect(other.descend(systematic.attempt)).rejects.toThrow('hung up');
    expect(await other.descend(systematic.attempt)).toBe('met');
    expect(systematic.asked.at(-1)).toEqual(['GO', 'INFO', 'EXTENDED_HEADERS']);
  });

  it('is not used for a server with an earlier success', async () => {
    const ladder = new Ladder(['INFO']);
    await ladder.descend(scripted([]).attempt);
    const { asked, attempt } = scripted([hungUpAt('GO')]);
    await expect(ladder.descend(attempt)).rejects.toMatchObject({ option: 'GO' });
    expect(asked).toEqual([['INFO']]);
  });
});
