/** The words of the reconnect policy: its states, which own their data, the events that it hears of, and the actions that it asks for. */
import type { Established } from '@nbdjs/interfaces';

/**
 * How a device stands with its server. `connecting-wait`: requests wait for a connection. `connecting-nowait`: they fail unless
 * a connection is ready. `closed` is final.
 */
export type DeviceState = 'connecting-wait' | 'connecting-nowait' | 'connected' | 'closed';

/** What is remembered of connections that were of no use, until one is. */
export interface FutileLosses {
  /** Losses, and connections to another export, in a row. */
  readonly futileCount: number;
  /** When the reconnect delay is over, in milliseconds of the clock. It goes on counting over connections of no use. */
  readonly delayEndMs: number | undefined;
}

/** `open` has not been called, or has failed. */
interface Unopened {
  readonly name: 'unopened';
}

/** `open` waits for the first connection. */
export interface Opening {
  readonly name: 'opening';
  /** The open timeout is over: only a connection that is ready now will do. */
  readonly isLastLook: boolean;
}

/** At least one connection stands. */
export interface Connected extends FutileLosses {
  readonly name: 'connected';
  /** How many connections are to stand; fewer than asked for when the server refuses more. */
  readonly wanted: number;
  /** An attempt to make one more is under way. */
  readonly isAttempting: boolean;
  /** One of the connections since there was none has been useful. */
  readonly wasUseful: boolean;
}

/** None stands, and requests wait for one. */
export interface ConnectingWait extends FutileLosses {
  readonly name: 'connecting-wait';
  readonly isAttempting: boolean;
  /** Requests wait, so the timer of the reconnect delay runs. */
  readonly isTimed: boolean;
}

/** None stands, and requests fail unless one is ready. */
export interface ConnectingNowait extends FutileLosses {
  readonly name: 'connecting-nowait';
  readonly isAttempting: boolean;
}

/** The end; with an error, unless it was asked for. */
interface Closed {
  readonly name: 'closed';
  readonly error: Error | undefined;
}

export type ReconnectState = Unopened | Opening | Connected | ConnectingWait | ConnectingNowait | Closed;
export type StateName = ReconnectState['name'];

export type ReconnectEvent =
  | { readonly type: 'open' }
  | { readonly type: 'open-aborted'; readonly reason: unknown }
  | { readonly type: 'open-timeout' }
  /** Requests are waiting, or would go faster by more connections. */
  | { readonly type: 'demand' }
  /** More connections are asked for than before; `allowed` is how many the server lets us have of them. */
  | { readonly type: 'connections-raised'; readonly allowed: number }
  /** A connection is made. `mismatch`: it leads to another export than the first one did. */
  | {
      readonly type: 'established';
      readonly established: Established;
      readonly allowed: number;
      readonly mismatch: Error | undefined;
    }
  /** The attempt under way has failed. */
  | { readonly type: 'attempt-failed'; readonly error: Error }
  /** A connection is gone. `wasUseful`: it has answered something, or was asked for nothing. */
  | { readonly type: 'connection-lost'; readonly cause: Error | undefined; readonly wasUseful: boolean }
  | { readonly type: 'delay-over' }
  /** The device is closed; with an error, unless that was asked for. */
  | { readonly type: 'close'; readonly error: Error | undefined };
export type EventType = ReconnectEvent['type'];

/** What the `Reconnector` does itself. */
type InnerAction =
  /** Whether the connector repeats attempts that fail. */
  | { readonly type: 'set-retries'; readonly isOn: boolean }
  /** Asks the connector for a connection, after a pause. */
  | { readonly type: 'establish'; readonly wait: boolean; readonly pauseMs: number }
  /** Ends the wait for the attempt under way, if there is one. */
  | { readonly type: 'cancel-attempt'; readonly reason: unknown }
  | { readonly type: 'start-timer'; readonly delayMs: number; readonly event: 'open-timeout' | 'delay-over' }
  | { readonly type: 'stop-timer' }
  | { readonly type: 'opened' }
  | { readonly type: 'open-failed'; readonly error: unknown }
  | { readonly type: 'release-connector' };

/** What others do. These may lead to further events, so each of them but `decline` is the last of its list. */
export type OuterAction =
  /** Requests may go by a connection. */
  | { readonly type: 'admit'; readonly established: Established }
  /** A connection is not needed: it came too late, or leads to another export. */
  | { readonly type: 'decline'; readonly established: Established }
  /** Requests that wait fail. */
  | { readonly type: 'fail-waiting'; readonly error: Error }
  | { readonly type: 'closed'; readonly error: Error | undefined };

export type ReconnectAction = InnerAction | OuterAction;
