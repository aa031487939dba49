/**
 * The life of a transmission, as a table: which phases there are, what each of them does with requests, and what leads from one
 * to the next. All decisions about the phase are here.
 */

/** What happens to a transmission; an event that a phase does not name leaves it as it is. */
export type PhaseEvent =
  /** The server shuts down. */
  | 'shut down'
  /** The client has sent DISC or ended its stream, or the server ends the connection for its idleness. */
  | 'leave'
  /** No request waits or is under way. */
  | 'drained'
  /** The channel has come to its end. */
  | 'gone';

export type PhaseName = 'open' | 'refusing' | 'finishing' | 'closing' | 'closed';

export interface Phase {
  readonly name: PhaseName;
  readonly meaning: string;
  /** Whether requests that arrive are looked at; otherwise they are dropped. */
  readonly hears: boolean;
  /** Whether requests that arrive are carried out; otherwise they are answered with ESHUTDOWN (S66). */
  readonly serves: boolean;
  /** Whether the connection ends as soon as no request waits or is under way. */
  readonly endsWhenDrained: boolean;
  /** The phases that this one leads to, each with the event that leads there. */
  readonly next: { readonly [To in PhaseName]?: PhaseEvent };
}

export const phases: { readonly [Name in PhaseName]: Phase } = {
  open: {
    name: 'open',
    meaning: 'requests are carried out',
    hears: true,
    serves: true,
    endsWhenDrained: false,
    next: { refusing: 'shut down', finishing: 'leave', closed: 'gone' },
  },
  refusing: {
    name: 'refusing',
    meaning: 'requests under way are finished, further ones are answered with ESHUTDOWN',
    hears: true,
    serves: false,
    endsWhenDrained: true,
    next: { finishing: 'leave', closing: 'drained', closed: 'gone' },
  },
  finishing: {
    name: 'finishing',
    meaning: 'requests under way are finished, further ones are dropped',
    hears: false,
    serves: false,
    endsWhenDrained: true,
    next: { closing: 'drained', closed: 'gone' },
  },
  closing: {
    name: 'closing',
    meaning: 'all replies are sent, and the client has closeMs to go',
    hears: false,
    serves: false,
    endsWhenDrained: false,
    next: { closed: 'gone' },
  },
  closed: {
    name: 'closed',
    meaning: 'the client is gone; requests under way still use the device',
    hears: false,
    serves: false,
    endsWhenDrained: false,
    next: {},
  },
};

/** The phase after an event: the same one where the event means nothing to it. */
export function phaseAfter(phase: Phase, event: PhaseEvent): Phase {
  for (const [name, on] of Object.entries(phase.next)) if (on === event) return phases[name as PhaseName];
  return phase;
}
