import { type Established, NegotiationError, ProtocolError } from '@nbdjs/interfaces';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { next, reconnectTable, type Transition, transitionOf } from './reconnect-policy.ts';
import type { EventType, ReconnectAction, ReconnectEvent, ReconnectState, StateName } from './reconnect-states.ts';
import type { ReconnectSettings, Situation, Step } from './reconnect-steps.ts';

const established = {} as Established;
const mismatch = new NegotiationError('ERR_NBD_FACTS_CHANGED', 'another size', { permanent: true });
const refused = new Error('no server listens');
const noneYet = Object.assign(new NegotiationError('ERR_NBD_POLICY', 'none yet'), { code: 'ERR_NBD_CONNECT_NONE_YET' });
const violation = new ProtocolError('bad-reply-magic', 'no reply', { phase: 'transmission' });

const flags = [false, true];
const counts = [0, 1, 2, 5];
const delayEnds = [undefined, 500, 2000];

const states: readonly ReconnectState[] = [
  { name: 'unopened' },
  ...flags.map((isLastLook) => ({ name: 'opening', isLastLook }) as const),
  ...flags.flatMap((isAttempting) =>
    flags.flatMap((wasUseful) =>
      counts.flatMap((futileCount) =>
        delayEnds.flatMap((delayEndMs) =>
          [1, 2].map(
            (wanted) => ({ name: 'connected', wanted, isAttempting, wasUseful, futileCount, delayEndMs }) as const,
          ),
        ),
      ),
    ),
  ),
  ...flags.flatMap((isAttempting) =>
    flags.flatMap((isTimed) =>
      counts.flatMap((futileCount) =>
        delayEnds.map(
          (delayEndMs) => ({ name: 'connecting-wait', isAttempting, isTimed, futileCount, delayEndMs }) as const,
        ),
      ),
    ),
  ),
  ...flags.flatMap((isAttempting) =>
    counts.map(
      (futileCount) => ({ name: 'connecting-nowait', isAttempting, futileCount, delayEndMs: undefined }) as const,
    ),
  ),
  { name: 'closed', error: undefined },
  { name: 'closed', error: refused },
];

const events: readonly ReconnectEvent[] = [
  { type: 'open' },
  { type: 'open-aborted', reason: refused },
  { type: 'open-timeout' },
  { type: 'demand' },
  { type: 'connections-raised', allowed: 3 },
  { type: 'established', established, allowed: 2, mismatch: undefined },
  { type: 'established', established, allowed: 2, mismatch },
  { type: 'attempt-failed', error: refused },
  { type: 'attempt-failed', error: noneYet },
  ...flags.flatMap((wasUseful) =>
    [undefined, refused, violation].map((cause) => ({ type: 'connection-lost', cause, wasUseful }) as const),
  ),
  { type: 'delay-over' },
  { type: 'close', error: undefined },
  { type: 'close', error: refused },
];

const situations: readonly Situation[] = flags.flatMap((reconnects) =>
  flags.flatMap((stopOnPermanent) =>
    [0, 10_000].flatMap((delayMs) =>
      [0, 1, 2].map((standing) => ({
        settings: { reconnects, stopOnPermanent, reconnectDelayMs: delayMs, openTimeoutMs: delayMs },
        nowMs: 1000,
        standing,
      })),
    ),
  ),
);

const stateNames = Object.keys(reconnectTable) as StateName[];
const eventTypes = [...new Set(events.map(({ type }) => type))];
const cellOf = (state: StateName, event: EventType) => reconnectTable[state][event] as readonly Transition[] | 'never';

/** Every state with every event in every situation. */
function* combinations() {
  for (const state of states) {
    for (const event of events) for (const situation of situations) yield { state, event, situation };
  }
}

const names = (actions: readonly ReconnectAction[]) => actions.map(({ type }) => type);

describe('the table of the reconnect policy', () => {
  it('has a cell for every event in every state', () => {
    for (const state of stateNames) expect(Object.keys(reconnectTable[state]).sort()).toEqual([...eventTypes].sort());
  });

  it('has all rules of the connection states', () => {
    const rules = stateNames.flatMap((state) =>
      eventTypes.flatMap((event) => {
        const cell = cellOf(state, event);
        return cell === 'never' ? [] : cell.flatMap((transition) => transition.rules ?? []);
      }),
    );
    expect(new Set(rules)).toEqual(new Set(Array.from({ length: 10 }, (_, index) => `Q${index + 1}`)));
  });

  it('makes every transition, each to the state that it names', () => {
    const made = new Set<Transition>();
    for (const { state, event, situation } of combinations()) {
      if (cellOf(state.name, event.type) === 'never') {
        expect(() => next(state, event, situation)).toThrow(`${event.type} came in the state ${state.name}`);
        continue;
      }
      const transition = transitionOf(state, event, situation);
      const step = next(state, event, situation);
      if (transition === undefined) {
        expect(step).toEqual({ state, actions: [] });
        continue;
      }
      made.add(transition);
      if (step.state.name !== transition.to) expect(step.state.name, `${state.name} ${event.type}`).toBe(transition.to);
    }
    const all = stateNames.flatMap((state) =>
      eventTypes.flatMap((event) => (cellOf(state, event) === 'never' ? [] : (cellOf(state, event) as Transition[]))),
    );
    expect(all.filter((transition) => !made.has(transition))).toEqual([]);
  });

  it('has only one action at the end of a step that may lead to further events', () => {
    const leading = new Set(['admit', 'fail-waiting', 'closed']);
    for (const { state, event, situation } of combinations()) {
      if (cellOf(state.name, event.type) === 'never') continue;
      const inner = names(next(state, event, situation).actions).slice(0, -1);
      if (inner.some((type) => leading.has(type))) expect(inner).toEqual([]);
    }
  });

  it('asks for nothing once it is closed', () => {
    for (const { state, event, situation } of combinations()) {
      if (cellOf(state.name, event.type) === 'never') continue;
      const step = next(state, event, situation);
      if (step.state.name !== 'closed') continue;
      expect(names(step.actions)).not.toContain('establish');
      expect(names(step.actions)).not.toContain('start-timer');
      if (state.name === 'closed') continue;
      expect(names(step.actions)).toEqual(
        expect.arrayContaining(['stop-timer', 'cancel-attempt', 'release-connector']),
      );
      expect(names(step.actions).at(-1)).toBe('closed');
    }
  });
});

describe('what the policy says', () => {
  const settings: ReconnectSettings = {
    reconnectDelayMs: 10_000,
    openTimeoutMs: 0,
    reconnects: true,
    stopOnPermanent: true,
  };
  const at = (nowMs: number, standing = 0): Situation => ({ settings, nowMs, standing });
  const connected: ReconnectState = {
    name: 'connected',
    wanted: 1,
    isAttempting: false,
    wasUseful: false,
    futileCount: 0,
    delayEndMs: undefined,
  };
  const lose = (state: ReconnectState, wasUseful: boolean, nowMs = 0): Step =>
    next(state, { type: 'connection-lost', cause: undefined, wasUseful }, at(nowMs));
  const demand = (state: ReconnectState, nowMs = 0): Step => next(state, { type: 'demand' }, at(nowMs));
  const connect = (state: ReconnectState, nowMs = 0): Step =>
    next(state, { type: 'established', established, allowed: 1, mismatch: undefined }, at(nowMs));

  it('Q4, Q8: the delay counts from the first request that waits, and ends the wait', () => {
    const lost = lose(connected, true, 5000);
    expect([lost.state.name, lost.actions]).toEqual(['connecting-wait', []]);
    const waiting = demand(lost.state, 60_000);
    expect(waiting.actions).toEqual([
      { type: 'start-timer', delayMs: 10_000, event: 'delay-over' },
      { type: 'establish', wait: true, pauseMs: 0 },
    ]);
    expect(demand(waiting.state, 65_000).actions).toEqual([]);
    const over = next(waiting.state, { type: 'delay-over' }, at(70_000));
    expect([over.state.name, names(over.actions)]).toEqual(['connecting-nowait', ['cancel-attempt', 'establish']]);
  });

  it('connections of no use are followed by growing pauses, and the delay goes on counting over them', () => {
    const pauses: number[] = [];
    let { state } = lose(connected, false);
    for (let round = 0; round < 10; round++) {
      const waiting = demand(state, 100);
      const establish = waiting.actions.find(({ type }) => type === 'establish');
      pauses.push(establish?.type === 'establish' ? establish.pauseMs : Number.NaN);
      const timer = waiting.actions.find(({ type }) => type === 'start-timer');
      expect(timer).toEqual({ type: 'start-timer', delayMs: 10_000, event: 'delay-over' });
      state = lose(connect(waiting.state, 100).state, false, 100).state;
    }
    expect(pauses).toEqual([0, 250, 500, 1000, 2000, 4000, 8000, 16_000, 16_000, 16_000]);
    expect(demand(state, 4100).actions[0]).toMatchObject({ delayMs: 6000 });
    const useful = demand(lose(connect(demand(state).state).state, true, 9000).state, 9000);
    expect(useful.actions).toEqual([
      { type: 'start-timer', delayMs: 10_000, event: 'delay-over' },
      { type: 'establish', wait: true, pauseMs: 0 },
    ]);
  });

  it('Q5: when the delay was over already, the loss of a connection of no use leaves no hope', () => {
    const { state } = lose({ ...connected, delayEndMs: 10_000 }, false, 10_000);
    expect(state.name).toBe('connecting-nowait');
  });

  it('several that are lost together do not count against the server when one of them was useful', () => {
    const several = { ...connected, wanted: 3 };
    const first = next(several, { type: 'connection-lost', cause: undefined, wasUseful: true }, at(0, 2));
    const second = next(first.state, { type: 'connection-lost', cause: undefined, wasUseful: false }, at(0, 1));
    expect(second.state).toMatchObject({ name: 'connected', futileCount: 1 });
    expect(lose(second.state, false).state).toMatchObject({ name: 'connecting-wait', futileCount: 0 });
  });

  it('Q3: of several connections, fewer are wanted once the server refuses one', () => {
    const { state } = next({ ...connected, wanted: 4 }, { type: 'demand' }, at(0, 2));
    const failed = next(state, { type: 'attempt-failed', error: refused }, at(0, 2));
    expect(failed.state).toMatchObject({ wanted: 2, isAttempting: false });
    expect(next(failed.state, { type: 'demand' }, at(0, 2)).actions).toEqual([]);
  });
});

/** What a `Reconnector` does, with nothing behind it. */
class Model {
  state: ReconnectState = { name: 'unopened' };
  readonly settings: ReconnectSettings;
  nowMs = 0;
  standing = 0;
  attempts = 0;
  timer: { readonly event: 'open-timeout' | 'delay-over'; readonly atMs: number } | undefined;
  isReleased = false;
  opening: 'pending' | 'settled' = 'settled';

  constructor(settings: ReconnectSettings) {
    this.settings = settings;
  }

  handle(event: ReconnectEvent): void {
    const { settings, nowMs, standing } = this;
    const { state, actions } = next(this.state, event, { settings, nowMs, standing });
    this.state = state;
    for (const action of actions) this.#carryOut(action);
    this.#check();
  }

  #carryOut(action: ReconnectAction): void {
    if (action.type === 'establish') {
      expect(this.attempts).toBe(0);
      this.attempts = 1;
    } else if (action.type === 'cancel-attempt') this.attempts = 0;
    else if (action.type === 'start-timer') {
      expect(this.timer).toBeUndefined();
      this.timer = { event: action.event, atMs: this.nowMs + action.delayMs };
    } else if (action.type === 'stop-timer') this.timer = undefined;
    else if (action.type === 'release-connector') this.isReleased = true;
    else if (action.type === 'opened' || action.type === 'open-failed') {
      expect(this.opening).toBe('pending');
      this.opening = 'settled';
    } else if (action.type === 'admit') {
      this.standing++;
      this.handle({ type: 'demand' });
    } else if (action.type === 'closed') this.standing = 0;
  }

  /** The state says what is under way. */
  #check(): void {
    const { state } = this;
    const isAttempting = 'isAttempting' in state ? state.isAttempting : state.name === 'opening';
    expect(this.attempts, state.name).toBe(isAttempting ? 1 : 0);
    if (state.name === 'connecting-wait') expect(this.timer?.event).toBe(state.isTimed ? 'delay-over' : undefined);
    else if (state.name !== 'opening') expect(this.timer).toBeUndefined();
    expect(this.standing > 0).toBe(state.name === 'connected');
    expect(this.isReleased).toBe(state.name === 'closed');
    expect(this.opening === 'pending').toBe(state.name === 'opening');
  }
}

describe('the policy in any order of events', () => {
  const steps = fc.array(
    fc.oneof(
      fc.constantFrom('open', 'abort', 'demand', 'demand', 'raise', 'late', 'fail', 'fail', 'time', 'time'),
      fc.constantFrom('succeed', 'succeed', 'succeed', 'mismatch', 'lose', 'lose useful', 'violate'),
      fc.constantFrom('demand', 'succeed', 'lose', 'close'),
    ),
    { maxLength: 60 },
  );

  it('never has two attempts or timers at a time, and its states say what is under way', () => {
    const settingsOf = fc.record({
      reconnectDelayMs: fc.constantFrom(0, 10_000),
      openTimeoutMs: fc.constantFrom(0, 5000),
      reconnects: fc.boolean(),
      stopOnPermanent: fc.boolean(),
    });
    fc.assert(
      fc.property(settingsOf, steps, (settings, list) => {
        const model = new Model(settings);
        for (const step of ['open', ...list]) walk(model, step);
      }),
      { numRuns: 2000 },
    );
  });
});

function walk(model: Model, step: string): void {
  const { state } = model;
  model.nowMs += 700;
  const answer = (different: Error | undefined): void => {
    model.attempts = 0;
    model.handle({ type: 'established', established, allowed: 2, mismatch: different });
  };
  const lose = (cause: Error | undefined, wasUseful: boolean): void => {
    if (model.standing === 0) return;
    model.standing--;
    model.handle({ type: 'connection-lost', cause, wasUseful });
  };
  if (step === 'open' && state.name === 'unopened') {
    model.opening = 'pending';
    model.handle({ type: 'open' });
  } else if (step === 'abort' && state.name === 'opening') model.handle({ type: 'open-aborted', reason: refused });
  else if (step === 'demand') model.handle({ type: 'demand' });
  else if (step === 'raise') model.handle({ type: 'connections-raised', allowed: 3 });
  else if (step === 'succeed' && model.attempts > 0) answer(undefined);
  // There is nothing yet that the first one could differ from.
  else if (step === 'mismatch' && model.attempts > 0 && state.name !== 'opening') answer(mismatch);
  else if (step === 'late' && state.name !== 'opening') {
    model.handle({ type: 'established', established, allowed: 2, mismatch: undefined });
  } else if (step === 'fail' && model.attempts > 0) {
    model.attempts = 0;
    model.handle({ type: 'attempt-failed', error: refused });
  } else if (step === 'time' && model.timer !== undefined) {
    const { event, atMs } = model.timer;
    model.nowMs = Math.max(model.nowMs, atMs);
    model.timer = undefined;
    model.handle({ type: event });
  } else if (step === 'lose') lose(undefined, false);
  else if (step === 'lose useful') lose(refused, true);
  else if (step === 'violate') lose(violation, true);
  else if (step === 'close') model.handle({ type: 'close', error: undefined });
}
