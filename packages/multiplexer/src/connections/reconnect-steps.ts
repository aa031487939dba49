/** What the transitions of the reconnect policy have in common: conditions, and steps that several states take. */
import { isNbdError, ProtocolError, TimeoutError } from '@nbdjs/interfaces';
import { closedError } from '../errors.ts';
import type {
  Connected,
  ConnectingNowait,
  ConnectingWait,
  FutileLosses,
  Opening,
  ReconnectAction,
  ReconnectEvent,
  ReconnectState,
} from './reconnect-states.ts';

/** What the policy goes by besides its state. */
export interface ReconnectSettings {
  readonly reconnectDelayMs: number;
  readonly openTimeoutMs: number;
  readonly reconnects: boolean;
  readonly stopOnPermanent: boolean;
}

/** What the policy is told with each event. */
export interface Situation {
  readonly settings: ReconnectSettings;
  readonly nowMs: number;
  /** Connections that stand; after a loss, those that are left. */
  readonly standing: number;
}

/** The next state, and what is to be done, in this order. */
export interface Step {
  readonly state: ReconnectState;
  readonly actions: readonly ReconnectAction[];
}

type EventOf<Type extends ReconnectEvent['type']> = Extract<ReconnectEvent, { readonly type: Type }>;
type Established = EventOf<'established'>;
type Loss = EventOf<'connection-lost'>;

/** Pauses before attempts after connections of no use: the first one, and the longest, in milliseconds. */
const pauseMsMin = 250;
const pauseMsMax = 16_000;

// Conditions

export const isEnough = ({ wanted }: Connected, _: unknown, { standing }: Situation): boolean => standing >= wanted;

export const lacksConnections = (state: Connected, _: unknown, { standing }: Situation): boolean =>
  !state.isAttempting && standing < state.wanted;

export const hasNoAttempt = ({ isAttempting }: ConnectingNowait): boolean => !isAttempting;

export const isOtherExport = (_: unknown, { mismatch }: Established): boolean => mismatch !== undefined;

export const isRefused = (_: unknown, { mismatch }: Established, { settings }: Situation): boolean =>
  mismatch !== undefined && settings.stopOnPermanent;

export const isViolation = (_: unknown, { cause }: Loss): boolean => cause instanceof ProtocolError;

export const othersStand = (_: unknown, __: unknown, { standing }: Situation): boolean => standing > 0;

/** Whether requests may wait for the next connection, now that the last one is lost. */
export function hasDelayLeft(state: Connected, event: Loss, situation: Situation): boolean {
  const { delayEndMs } = afterLoss(state, event, situation);
  return situation.settings.reconnectDelayMs > 0 && (delayEndMs === undefined || situation.nowMs < delayEndMs);
}

// The first connection

export function beginOpening(_: unknown, __: unknown, { settings: { openTimeoutMs } }: Situation): Step {
  const isPatient = openTimeoutMs > 0;
  const timer = { type: 'start-timer', delayMs: openTimeoutMs, event: 'open-timeout' } as const;
  const attempt = { type: 'establish', wait: true, pauseMs: 0 } as const;
  return {
    state: { name: 'opening', isLastLook: false },
    actions: [...(isPatient ? [timer] : []), { type: 'set-retries', isOn: isPatient }, attempt],
  };
}

/** The open timeout is over: a connection that is ready will do, otherwise the last attempt says why there is none. */
export const lookOnce = (_: unknown, __: unknown, { settings }: Situation): Step => ({
  state: { name: 'opening', isLastLook: true },
  actions: [
    { type: 'cancel-attempt', reason: openTimeout(settings) },
    { type: 'establish', wait: false, pauseMs: 0 },
  ],
});

export const abortOpening = (_: unknown, { reason }: EventOf<'open-aborted'>): Step => ({
  state: { name: 'unopened' },
  actions: [{ type: 'stop-timer' }, { type: 'cancel-attempt', reason }, { type: 'open-failed', error: reason }],
});

export function failOpening(
  { isLastLook }: Opening,
  { error }: EventOf<'attempt-failed'>,
  { settings }: Situation,
): Step {
  const hasNoReason = isLastLook && isNbdError(error) && error.code === 'ERR_NBD_CONNECT_NONE_YET';
  const failed = { type: 'open-failed', error: hasNoReason ? openTimeout(settings) : error } as const;
  return { state: { name: 'unopened' }, actions: [{ type: 'stop-timer' }, failed] };
}

export const closeWhileOpening = (_: unknown, { error }: EventOf<'close'>): Step =>
  closeWith(error, [{ type: 'open-failed', error: closedError(error) }]);

export const connectFirst = (_: unknown, event: Established): Step =>
  connect({ futileCount: 0, delayEndMs: undefined }, event, [{ type: 'set-retries', isOn: true }, { type: 'opened' }]);

// Connections

/** The first one of those that are to stand. */
export function connect(
  { futileCount, delayEndMs }: FutileLosses,
  { established, allowed }: Established,
  before: readonly ReconnectAction[] = [],
): Step {
  return {
    state: { name: 'connected', wanted: allowed, isAttempting: false, wasUseful: false, futileCount, delayEndMs },
    actions: [{ type: 'stop-timer' }, cancelOther(), ...before, { type: 'admit', established }],
  };
}

/** One more. */
export const admit = (state: Connected, { established }: Established): Step => ({
  state: { ...state, isAttempting: false },
  actions: [cancelOther(), { type: 'admit', established }],
});

export const decline = (state: ReconnectState, { established }: Established): Step => ({
  state,
  actions: [{ type: 'decline', established }],
});

export const refuse = (_: unknown, { established, mismatch }: Established): Step =>
  closeWith(mismatch, [{ type: 'decline', established }]);

export const tryAgain = (state: Connected): Step => ({
  state: { ...state, isAttempting: true },
  actions: [attemptPatiently(state)],
});

export function tryAnother(state: Connected, { established }: Established): Step {
  const futile = { ...state, futileCount: state.futileCount + 1 };
  return {
    state: { ...futile, isAttempting: true },
    actions: [cancelOther(), { type: 'decline', established }, attemptPatiently(futile)],
  };
}

// Losses

/** Others are left. */
export const countLoss = (state: Connected, event: Loss, situation: Situation): Step =>
  stay({ ...state, ...afterLoss(state, event, situation) });

/** Nothing happens until a request asks for the next connection; an attempt to make one more goes on. */
export function awaitNextConnection(state: Connected, event: Loss, situation: Situation): Step {
  const { futileCount, delayEndMs } = afterLoss(state, event, situation);
  const { isAttempting } = state;
  return stay({ name: 'connecting-wait', isAttempting, isTimed: false, futileCount, delayEndMs });
}

export function failNextRequests(state: Connected, event: Loss, situation: Situation): Step {
  const { futileCount, delayEndMs } = afterLoss(state, event, situation);
  return {
    state: { name: 'connecting-nowait', isAttempting: false, futileCount, delayEndMs },
    actions: [{ type: 'cancel-attempt', reason: new Error('the last connection is lost') }],
  };
}

/**
 * What a loss means for the attempts to come. When a server goes down, all its connections do: then those that were on probation
 * do not count against it.
 */
function afterLoss(
  { futileCount, delayEndMs, wasUseful }: Connected,
  event: Loss,
  { standing }: Situation,
): FutileLosses & { readonly wasUseful: boolean } {
  const isUseful = event.wasUseful || (standing === 0 && wasUseful);
  return {
    futileCount: isUseful ? 0 : futileCount + 1,
    delayEndMs: isUseful ? undefined : delayEndMs,
    wasUseful: wasUseful || event.wasUseful,
  };
}

// While none stands

/** Requests wait from now on: the delay counts, and there is an attempt. */
export function awaitConnection(
  state: ConnectingWait,
  { nowMs, settings }: Situation,
  before: readonly ReconnectAction[] = [],
): Step {
  const actions = [...before];
  const delayEndMs = state.delayEndMs ?? nowMs + settings.reconnectDelayMs;
  if (!state.isTimed) {
    actions.push({ type: 'start-timer', delayMs: Math.max(delayEndMs - nowMs, 0), event: 'delay-over' });
  }
  if (!state.isAttempting) actions.push(attemptPatiently(state));
  return { state: { ...state, delayEndMs, isTimed: true, isAttempting: true }, actions };
}

/** The connection leads to something else; another one may not. */
export const awaitAnother = (state: ConnectingWait, { established }: Established, situation: Situation): Step =>
  awaitConnection({ ...state, futileCount: state.futileCount + 1, isAttempting: false }, situation, [
    cancelOther(),
    { type: 'decline', established },
  ]);

export const failWaiting = (state: ConnectingWait, { error }: EventOf<'attempt-failed'>): Step => ({
  state: { ...state, isAttempting: false, isTimed: false, delayEndMs: undefined },
  actions: [{ type: 'stop-timer' }, { type: 'fail-waiting', error }],
});

/** The delay is over: either a connection has just become ready, or the requests that wait fail with the reason why not. */
export const stopWaiting = ({ futileCount }: ConnectingWait): Step => ({
  state: { name: 'connecting-nowait', isAttempting: true, futileCount, delayEndMs: undefined },
  actions: [
    { type: 'cancel-attempt', reason: new Error('the reconnect delay is over') },
    { type: 'establish', wait: false, pauseMs: 0 },
  ],
});

export const attemptOnce = (state: ConnectingNowait): Step => ({
  state: { ...state, isAttempting: true },
  actions: [{ type: 'establish', wait: false, pauseMs: 0 }],
});

export const failAsked = (state: ConnectingNowait, { error }: EventOf<'attempt-failed'>): Step => ({
  state: { ...state, isAttempting: false, delayEndMs: undefined },
  actions: [{ type: 'fail-waiting', error }],
});

export const failForMismatch = (state: ConnectingNowait, { established, mismatch }: Established): Step => ({
  state: { ...state, futileCount: state.futileCount + 1, isAttempting: false },
  actions: [cancelOther(), { type: 'decline', established }, { type: 'fail-waiting', error: mismatch as Error }],
});

// The end, and what is common to all

export const stay = (state: ReconnectState): Step => ({ state, actions: [] });

/** The end of everything. What does not run is stopped all the same. */
export function closeWith(error: Error | undefined, before: readonly ReconnectAction[] = []): Step {
  return {
    state: { name: 'closed', error },
    actions: [
      ...before,
      { type: 'stop-timer' },
      { type: 'cancel-attempt', reason: closedError(error) },
      { type: 'release-connector' },
      { type: 'closed', error },
    ],
  };
}

/** An attempt that waits until it succeeds: at once or, after several losses of no use, after a pause. */
function attemptPatiently({ futileCount }: FutileLosses): ReconnectAction {
  // Once may be an accident.
  const pauseMs = futileCount < 2 ? 0 : Math.min(pauseMsMin * 2 ** (futileCount - 2), pauseMsMax);
  return { type: 'establish', wait: true, pauseMs };
}

/** A connection may be of an attempt that was called off too late. Then the one after it is not needed. */
const cancelOther = (): ReconnectAction => ({ type: 'cancel-attempt', reason: new Error('a connection stands') });

const openTimeout = ({ openTimeoutMs }: ReconnectSettings): TimeoutError =>
  new TimeoutError('open', `no connection within ${openTimeoutMs} ms`);
