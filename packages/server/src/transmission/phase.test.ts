import { describe, expect, it } from 'vitest';
import { type PhaseEvent, type PhaseName, phaseAfter, phases } from './phase.ts';

const events: readonly PhaseEvent[] = ['shut down', 'leave', 'drained', 'gone'];
const names = Object.keys(phases) as PhaseName[];

/** What the phases do with each event, written out once more: a change of the table is a change here. */
const expected: Readonly<Record<PhaseName, readonly PhaseName[]>> = {
  //         shut down    leave        drained    gone
  open: ['refusing', 'finishing', 'open', 'closed'],
  refusing: ['refusing', 'finishing', 'closing', 'closed'],
  finishing: ['finishing', 'finishing', 'closing', 'closed'],
  closing: ['closing', 'closing', 'closing', 'closed'],
  closed: ['closed', 'closed', 'closed', 'closed'],
};

describe('the phases of a transmission', () => {
  it.each(names)('%s leads where it should, by every event', (name) => {
    expect(phases[name].name).toBe(name);
    expect(events.map((event) => phaseAfter(phases[name], event).name)).toEqual(expected[name]);
  });

  it('come to an end from everywhere, and never go back', () => {
    for (const name of names) {
      expect(phaseAfter(phases[name], 'gone').name).toBe('closed');
      for (const event of events) {
        expect(names.indexOf(phaseAfter(phases[name], event).name)).toBeGreaterThanOrEqual(names.indexOf(name));
      }
    }
  });

  it('are all reached', () => {
    const reached = new Set<PhaseName>(['open']);
    for (const name of reached) for (const event of events) reached.add(phaseAfter(phases[name], event).name);
    expect([...reached].sort()).toEqual([...names].sort());
  });

  it('S66: hear requests in two of them, and carry them out in one', () => {
    expect(names.filter((name) => phases[name].hears)).toEqual(['open', 'refusing']);
    expect(names.filter((name) => phases[name].serves)).toEqual(['open']);
    // What is carried out is heard.
    for (const { hears, serves } of Object.values(phases)) expect(serves && !hears).toBe(false);
  });

  it('end the connection only where no further request is carried out', () => {
    for (const { endsWhenDrained, serves } of Object.values(phases)) expect(endsWhenDrained && serves).toBe(false);
    for (const name of names) {
      const isEnding = phaseAfter(phases[name], 'drained') !== phases[name];
      expect([name, phases[name].endsWhenDrained]).toEqual([name, isEnding]);
    }
  });
});
