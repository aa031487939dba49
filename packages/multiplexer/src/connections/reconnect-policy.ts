/**
 * When connections are made, waited for and given up: all the rules of reconnecting as a table, without I/O. `next` takes a
 * state and an event and returns the next state and the actions that follow; `Reconnector` carries these out. Nothing else
 * changes the state, and the drawing in the README is made from this table.
 *
 * Nothing runs for connections at rest: the first request after a loss asks for the next connection. In `connecting-wait`
 * requests wait as long as the reconnect delay lasts, counted from the first of them; in `connecting-nowait` they fail unless a
 * connection is ready, and each makes the connector try again.
 *
 * A server may take connections only to drop them, or offer another export each time. Then the delay goes on counting, and
 * there are pauses between the attempts, until a connection has been useful.
 */
import { lostForGoodError } from '../errors.ts';
import type { EventType, ReconnectEvent, ReconnectState, StateName } from './reconnect-states.ts';
import {
  abortOpening,
  admit,
  attemptOnce,
  awaitAnother,
  awaitConnection,
  awaitNextConnection,
  beginOpening,
  closeWhileOpening,
  closeWith,
  connect,
  connectFirst,
  countLoss,
  decline,
  failAsked,
  failForMismatch,
  failNextRequests,
  failOpening,
  failWaiting,
  hasDelayLeft,
  hasNoAttempt,
  isEnough,
  isOtherExport,
  isRefused,
  isViolation,
  lacksConnections,
  lookOnce,
  othersStand,
  refuse,
  type Situation,
  type Step,
  stay,
  stopWaiting,
  tryAgain,
  tryAnother,
} from './reconnect-steps.ts';

type StateOf<Name extends StateName> = Extract<ReconnectState, { readonly name: Name }>;
type EventOf<Type extends EventType> = Extract<ReconnectEvent, { readonly type: Type }>;

/** What an event leads to, under a condition. Of several, the first one whose condition holds counts. */
export interface Transition<Name extends StateName = StateName, Type extends EventType = EventType> {
  /** The rules of QEMU's client that this restates (Q1 to Q10). */
  readonly rules?: readonly string[];
  /** The condition in words, and itself; absent when there is none. */
  readonly when?: string;
  holds?(state: StateOf<Name>, event: EventOf<Type>, situation: Situation): boolean;
  readonly to: StateName;
  take(state: StateOf<Name>, event: EventOf<Type>, situation: Situation): Step;
}

/** What an event does in a state. Without transitions, or when no condition holds, nothing; `never` is for what cannot come. */
type Cell<Name extends StateName, Type extends EventType> = readonly Transition<Name, Type>[] | 'never';

export type ReconnectTable = {
  readonly [Name in StateName]: { readonly [Type in EventType]: Cell<Name, Type> };
};

const closing = {
  rules: ['Q9', 'Q10'],
  to: 'closed',
  take: (_: unknown, { error }: EventOf<'close'>) => closeWith(error),
} as const;

const refusing = {
  when: 'another export, with `stopOnPermanent`',
  holds: isRefused,
  to: 'closed',
  take: refuse,
} as const;

/** `open` has been called, and is over. */
const afterOpening = { open: 'never', 'open-aborted': 'never', 'open-timeout': 'never' } as const;

export const reconnectTable: ReconnectTable = {
  unopened: {
    ...afterOpening,
    open: [{ rules: ['Q1'], to: 'opening', take: beginOpening }],
    demand: [],
    'connections-raised': [],
    // Made for a call to `open` that was aborted meanwhile.
    established: [{ to: 'unopened', take: decline }],
    'attempt-failed': 'never',
    'connection-lost': 'never',
    'delay-over': 'never',
    close: [closing],
  },

  opening: {
    open: 'never',
    'open-aborted': [{ to: 'unopened', take: abortOpening }],
    'open-timeout': [{ to: 'opening', take: lookOnce }],
    demand: [],
    'connections-raised': [],
    established: [{ rules: ['Q2'], to: 'connected', take: connectFirst }],
    'attempt-failed': [{ rules: ['Q3'], to: 'unopened', take: failOpening }],
    'connection-lost': 'never',
    'delay-over': 'never',
    close: [{ ...closing, take: closeWhileOpening }],
  },

  connected: {
    ...afterOpening,
    demand: [
      {
        when: 'fewer stand than are wanted, and no attempt is under way',
        holds: lacksConnections,
        to: 'connected',
        take: tryAgain,
      },
    ],
    'connections-raised': [{ to: 'connected', take: (state, { allowed }) => stay({ ...state, wanted: allowed }) }],
    established: [
      { when: 'as many stand as are wanted', holds: isEnough, to: 'connected', take: decline },
      refusing,
      { when: 'another export', holds: isOtherExport, to: 'connected', take: tryAnother },
      { to: 'connected', take: admit },
    ],
    // The server wants no more of them: there will be no more until all are new.
    'attempt-failed': [
      { to: 'connected', take: (state, _, { standing }) => stay({ ...state, wanted: standing, isAttempting: false }) },
    ],
    'connection-lost': [
      {
        rules: ['Q7'],
        when: 'violation of the protocol',
        holds: isViolation,
        to: 'closed',
        take: (_, { cause }) => closeWith(cause),
      },
      { when: 'others stand', holds: othersStand, to: 'connected', take: countLoss },
      {
        when: 'the last one, and `reconnects` is off',
        holds: (_, __, { settings }) => !settings.reconnects,
        to: 'closed',
        take: (_, { cause }) => closeWith(lostForGoodError(cause)),
      },
      {
        rules: ['Q4'],
        when: 'the last one, with reconnect delay left',
        holds: hasDelayLeft,
        to: 'connecting-wait',
        take: awaitNextConnection,
      },
      { rules: ['Q5'], when: 'the last one, without', to: 'connecting-nowait', take: failNextRequests },
    ],
    'delay-over': 'never',
    close: [closing],
  },

  'connecting-wait': {
    ...afterOpening,
    demand: [{ to: 'connecting-wait', take: (state, _, situation) => awaitConnection(state, situation) }],
    'connections-raised': [],
    established: [
      refusing,
      {
        when: 'another export',
        holds: isOtherExport,
        to: 'connecting-wait',
        take: (state, event, situation) => awaitAnother(state, event, situation),
      },
      { rules: ['Q2'], to: 'connected', take: (state, event) => connect(state, event) },
    ],
    'attempt-failed': [{ rules: ['Q3'], to: 'connecting-wait', take: failWaiting }],
    // What was left of a connection that was dismissed.
    'connection-lost': [{ rules: ['Q6'], to: 'connecting-wait', take: stay }],
    'delay-over': [{ rules: ['Q8'], to: 'connecting-nowait', take: stopWaiting }],
    close: [closing],
  },

  'connecting-nowait': {
    ...afterOpening,
    demand: [{ when: 'no attempt is under way', holds: hasNoAttempt, to: 'connecting-nowait', take: attemptOnce }],
    'connections-raised': [],
    established: [
      refusing,
      { when: 'another export', holds: isOtherExport, to: 'connecting-nowait', take: failForMismatch },
      { rules: ['Q2'], to: 'connected', take: (state, event) => connect(state, event) },
    ],
    'attempt-failed': [{ rules: ['Q3'], to: 'connecting-nowait', take: failAsked }],
    'connection-lost': [{ rules: ['Q6'], to: 'connecting-nowait', take: stay }],
    'delay-over': 'never',
    close: [closing],
  },

  closed: {
    ...afterOpening,
    demand: [],
    'connections-raised': [],
    established: [{ to: 'closed', take: decline }],
    'attempt-failed': [],
    'connection-lost': [],
    'delay-over': 'never',
    close: [],
  },
};

/** The next state, and what is to be done, in this order. */
export function next(state: ReconnectState, event: ReconnectEvent, situation: Situation): Step {
  const transition = transitionOf(state, event, situation);
  return transition === undefined ? stay(state) : transition.take(state, event, situation);
}

/**
 * The transition that an event makes, if it makes any.
 *
 * @throws Error when the event cannot come in this state: a fault of ours.
 */
export function transitionOf(
  state: ReconnectState,
  event: ReconnectEvent,
  situation: Situation,
): Transition | undefined {
  const cell = reconnectTable[state.name][event.type] as Cell<StateName, EventType>;
  if (cell === 'never') throw new Error(`reconnecting: ${event.type} came in the state ${state.name}`);
  return cell.find(({ holds }) => holds === undefined || holds(state, event, situation));
}
