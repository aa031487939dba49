/** Options are checked where they are given, for callers without a compiler. */
import { UsageError } from '@nbdjs/interfaces';
import { createMultiplexer, deviceOptions, type MultiplexerOptions } from '@nbdjs/multiplexer';
import { describe, expect, it } from 'vitest';
import { makeSession } from './session.ts';

const make = (options: Readonly<Record<string, unknown>>) => () =>
  makeSession({ multiplexer: options as Partial<MultiplexerOptions> });

describe('options of a multiplexer', () => {
  it.each<readonly [Readonly<Record<string, unknown>>, string]>([
    [{ reconectDelayMs: 1 }, "unknown option 'reconectDelayMs' (did you mean 'reconnectDelayMs'?)"],
    [{ reconnectDelayMs: -1 }, 'reconnectDelayMs is -1, expected'],
    [{ connections: 0 }, 'connections is 0, expected a whole number from 1 on'],
    [{ bytesInFlightMax: 1.5 }, 'bytesInFlightMax is 1.5, expected'],
    [{ silenceMs: '5' }, "silenceMs is '5', expected"],
    [{ reconnects: 1 }, 'reconnects is 1, expected true or false'],
    [{ journal: 'yes' }, "journal is 'yes', expected true or false, or an object"],
    [{ journal: { whenFull: 'wait' } }, "journal: whenFull is 'wait', expected 'give-up' or 'flush'"],
    [{ journal: { bytes: 1 } }, "journal: unknown option 'bytes'"],
    [{ strict: { bound: false } }, "strict: unknown option 'bound' (did you mean 'bounds'?)"],
    [{ limits: { replyExtentsMax: 0 } }, 'limits: replyExtentsMax is 0, expected a whole number from 1 on'],
    [{ defer: 'soon' }, "defer is 'soon', expected a function"],
    [{ connector: undefined }, 'connector is missing, expected an object'],
  ])('%j is refused', (options, words) => {
    expect(make(options)).toThrow(UsageError);
    expect(make(options)).toThrow(`createMultiplexer: ${words}`);
  });

  it('none at all are refused', () => {
    expect(() => createMultiplexer(undefined as never)).toThrow('createMultiplexer: connector is missing');
  });

  it('without a limit may be 0, where that means something', () => {
    const numbers = deviceOptions.entries.filter(({ zero }) => zero !== undefined);
    expect(numbers.length).toBeGreaterThan(4);
    expect(make(Object.fromEntries(numbers.map(({ name }) => [name, 0])))).not.toThrow();
  });

  it('each have words for people', () => {
    for (const { name, doc } of deviceOptions.entries) expect(doc.length, name).toBeGreaterThan(20);
  });
});
