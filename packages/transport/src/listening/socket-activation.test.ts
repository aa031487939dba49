import { describe, expect, it } from 'vitest';
import { inheritedListeners } from './socket-activation.ts';

const here = String(process.pid);

describe('inheritedListeners', () => {
  it('returns the descriptors from 3 on, once, and hides them from child processes', () => {
    const environment = { LISTEN_PID: here, LISTEN_FDS: '2', PATH: '/bin' };
    expect(inheritedListeners(environment)).toEqual([
      { type: 'descriptor', fd: 3 },
      { type: 'descriptor', fd: 4 },
    ]);
    expect(environment).toEqual({ PATH: '/bin' });
    expect(inheritedListeners(environment)).toEqual([]);
  });

  it('returns no socket that is meant for another process, and leaves the variables to it', () => {
    const environment = { LISTEN_PID: String(process.pid + 1), LISTEN_FDS: '1' };
    expect(inheritedListeners(environment)).toEqual([]);
    expect(environment.LISTEN_FDS).toBe('1');
    expect(inheritedListeners({ LISTEN_FDS: '1' })).toEqual([]);
    expect(inheritedListeners({ LISTEN_PID: here })).toEqual([]);
  });

  it.each(['0', '-1', '1.5', '65', 'two', ''])('refuses LISTEN_FDS=%s', (LISTEN_FDS) => {
    expect(() => inheritedListeners({ LISTEN_PID: here, LISTEN_FDS })).toThrow(
      `LISTEN_FDS is '${LISTEN_FDS}', expected a number of descriptors`,
    );
  });

  it('reads the environment of the process by default', () => {
    process.env.LISTEN_PID = here;
    process.env.LISTEN_FDS = '1';
    expect(inheritedListeners()).toEqual([{ type: 'descriptor', fd: 3 }]);
    expect(process.env.LISTEN_FDS).toBeUndefined();
  });
});
