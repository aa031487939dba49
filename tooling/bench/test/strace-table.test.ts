import { describe, expect, it } from 'vitest';
import { callsPerRequest, parseStraceTable, totalOf } from '../src/processes/strace-table.ts';

const table = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ------------------
 75.92    0.865199         361      2396       107 futex
 20.18    0.229929         406       565           epoll_pwait
  0.42    0.004763           4       994         1 read
------ ----------- ----------- --------- --------- ------------------
100.00    1.099891         278      3955       108 total
`;

describe('the table of strace -c', () => {
  it('gives the calls by name, with those that failed', () => {
    expect([...parseStraceTable(table)]).toEqual([
      ['futex', 2396],
      ['epoll_pwait', 565],
      ['read', 994],
    ]);
    expect(totalOf(parseStraceTable(table))).toBe(3955);
  });

  it('may have lines of strace before it', () => {
    const text = `strace: Process 4711 attached\n${table}`;
    expect(parseStraceTable(text).get('read')).toBe(994);
  });

  it('has to be there', () => {
    expect(() => parseStraceTable('strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted\n')).toThrow(
      'a table of strace -c was expected, got: strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted',
    );
    expect(() => parseStraceTable('')).toThrow('a table of strace -c was expected');
  });

  it('gives calls for each request from two runs, without those of the start', () => {
    const shorter = new Map([
      ['read', 500],
      ['mmap', 80],
    ]);
    const longer = new Map([
      ['read', 4500],
      ['mmap', 80],
      ['futex', 2000],
    ]);
    expect(callsPerRequest(shorter, longer, 4000)).toBe(1.5);
  });
});
