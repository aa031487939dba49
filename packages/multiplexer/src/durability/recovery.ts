/** What follows when the server may be another one than before: it is told again what may be forgotten, and what is lost is reported. */
import type { ConnectionLoss, ConnectionSet } from '../connections/connection-set.ts';
import type { DeviceEvent } from '../device-events.ts';
import type { MultiplexerSettings } from '../settings.ts';
import type { MutableStatistics } from '../statistics.ts';
import type { TransmissionTrace } from '../transmission-trace.ts';
import { Replay } from './replay.ts';
import type { UnflushedWrites } from './unflushed-writes.ts';

export class Recovery {
  readonly #unflushed: UnflushedWrites;
  readonly #statistics: MutableStatistics;
  readonly #trace: TransmissionTrace;
  readonly #onEvent: (event: DeviceEvent) => void;
  readonly #replayed: () => void;
  #replay: Replay | undefined;
  /** It was reported that the last connection is gone. */
  #isDown = false;

  /** `replayed` is called when a replay is over, and requests may be sent again. */
  constructor(
    settings: MultiplexerSettings,
    unflushed: UnflushedWrites,
    statistics: MutableStatistics,
    trace: TransmissionTrace,
    replayed: () => void,
  ) {
    this.#onEvent = settings.onEvent;
    this.#unflushed = unflushed;
    this.#statistics = statistics;
    this.#trace = trace;
    this.#replayed = replayed;
  }

  /** While a replay is under way nothing else is sent. */
  get isReplaying(): boolean {
    return this.#replay !== undefined;
  }

  /** Sends more of the replay under way, if the connection takes it. */
  feed(): void {
    this.#replay?.feed();
  }

  /** The last connection is gone, for now. */
  reportLoss({ cause }: ConnectionLoss): void {
    if (this.#isDown) return;
    this.#isDown = true;
    this.#onEvent({ type: 'lost', cause });
  }

  /** What was not flushed may be gone with the connections of before. */
  begin({ active }: ConnectionSet): void {
    const { journal } = this.#unflushed;
    if (journal === undefined || journal.isEmpty) {
      this.#restored(0);
      return;
    }
    journal.serverLost();
    this.#beginReplay(active);
  }

  /** A connection is lost. When the replay went by it, the replay begins anew by another one, if there is any. */
  connectionLost({ connection }: ConnectionLoss, { active }: ConnectionSet): void {
    if (this.#replay?.connection !== connection) return;
    this.#replay = undefined;
    if (active.length > 0) this.#beginReplay(active);
  }

  #beginReplay(active: ConnectionSet['active']): void {
    const { journal } = this.#unflushed;
    const [connection] = active;
    if (connection === undefined || journal === undefined) return;
    const replay: Replay = new Replay(journal, connection, this.#statistics, () => {
      if (this.#replay !== replay) return;
      this.#replay = undefined;
      this.#trace.replayed(replay.requestCount);
      this.#restored(replay.requestCount);
      this.#replayed();
    });
    if (replay.isDone) {
      this.#restored(0);
      return;
    }
    this.#replay = replay;
    replay.feed();
  }

  #restored(requestsReplayed: number): void {
    const error = this.#unflushed.countLosses();
    if (this.#isDown) this.#onEvent({ type: 'restored', requestsReplayed });
    this.#isDown = false;
    if (error !== undefined) this.#onEvent({ type: 'writes-lost', error });
  }
}
