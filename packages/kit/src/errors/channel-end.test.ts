import { TimeoutError } from '@nbdjs/interfaces';
import { describe, expect, it } from 'vitest';
import { endInWords, isHangUp } from './channel-end.ts';

const systemError = (code: string) => Object.assign(new Error(`read ${code}`), { code, syscall: 'read' });

describe('A6: the end of a channel in words', () => {
  it.each([undefined, ...['ECONNRESET', 'EPIPE', 'ECONNABORTED'].map(systemError)])('%s is a hang-up', (cause) => {
    expect(isHangUp(cause)).toBe(true);
    expect(endInWords(cause)).toBe('the server closed the connection');
    expect(endInWords(cause, 'client')).toBe('the client closed the connection');
  });

  it('another cause is reported', () => {
    expect(isHangUp(systemError('ETIMEDOUT'))).toBe(false);
    expect(endInWords(systemError('ETIMEDOUT'))).toBe('its host does not answer any more');
    expect(endInWords(new TimeoutError('silence', 'no answer'))).toBe('no answer');
  });
});
