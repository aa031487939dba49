import { describe, expect, it } from 'vitest';
import { numberIn, processorSecondsIn, processReading, switchesIn } from '../src/processes/proc-texts.ts';
import { readProcess, usedBetween, usedTogether } from '../src/processes/process-reading.ts';

const stat =
  '7543 (nbd (serve) x) S 1 7543 7543 0 -1 4194560 2718 0 0 0 150 25 0 0 20 0 11 0 4562370 1153712128 15263 18446744073709551615 1';
const status =
  'Name:\tnode\nVmHWM:\t   61052 kB\nVmRSS:\t   60000 kB\nvoluntary_ctxt_switches:\t150\nnonvoluntary_ctxt_switches:\t12\n';
const io = 'rchar: 6976\nwchar: 0\nsyscr: 10\nsyscw: 7\nread_bytes: 0\n';

describe('the texts of /proc', () => {
  it('give user and system seconds, whatever the name of the program', () => {
    expect(processorSecondsIn(stat)).toBe(1.75);
  });

  it('give a number by its name', () => {
    expect(numberIn(status, 'VmHWM')).toBe(61_052);
    expect(numberIn(io, 'syscw')).toBe(7);
    expect(numberIn(status, 'VmSwap')).toBe(0);
  });

  it('tell switches that were wanted from those that were not', () => {
    expect(switchesIn(status)).toEqual({ voluntary: 150, involuntary: 12 });
  });

  it('make one reading of a process with the switches of its threads', () => {
    const threads = [
      { voluntary: 150, involuntary: 12 },
      { voluntary: 3, involuntary: 4 },
    ];
    expect(processReading({ stat, io, status }, threads)).toEqual({
      processorSeconds: 1.75,
      voluntarySwitches: 153,
      involuntarySwitches: 16,
      readsAndWrites: 17,
      peakBytes: 61_052 * 1024,
      residentBytes: 60_000 * 1024,
    });
  });
});

describe('readings', () => {
  const reading = processReading({ stat, io, status }, [{ voluntary: 5, involuntary: 1 }]);

  it('are subtracted, except for memory', () => {
    const later = { ...reading, processorSeconds: 2, voluntarySwitches: 8, peakBytes: 7 };
    expect(usedBetween(reading, later)).toEqual({
      processorSeconds: 0.25,
      voluntarySwitches: 3,
      involuntarySwitches: 0,
      readsAndWrites: 0,
      peakBytes: 7,
      residentBytes: 60_000 * 1024,
    });
  });

  it('are added up for several processes', () => {
    expect(usedTogether([reading, reading]).processorSeconds).toBe(3.5);
    expect(usedTogether([]).peakBytes).toBe(0);
  });

  it('can be made of a process that is there, and of none that is not', () => {
    expect(readProcess('self')?.peakBytes).toBeGreaterThan(2 ** 20);
    expect(readProcess(2 ** 30)).toBeUndefined();
  });

  it('keep the switches of threads that have ended', () => {
    const seen = new Map([['1', { voluntary: 1e9, involuntary: 0 }]]);
    expect(readProcess('self', seen)?.voluntarySwitches).toBeGreaterThanOrEqual(1e9);
    expect(seen.size).toBeGreaterThan(1);
  });
});
