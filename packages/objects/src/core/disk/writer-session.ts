/**
 * The right to write to a disk, and the chain of its manifests. Each manifest replaces the one that this writer has seen last; when it is
 * not there any more, another writer has taken over, or somebody has changed the snapshots. In the first case this writer is fenced: it
 * commits nothing any more, for good.
 *
 * The lease is for good manners only: it tells others that they have to wait, and this writer when it should stop answering. That no two
 * writers commit does not depend on any clock.
 */
import { type Cancel, type Clock, CommandError } from '@nbdjs/interfaces';
import type { BlockMapState, Manifest } from '../format/manifest.ts';
import type { ManifestRegister } from '../map/manifest-register.ts';
import { isStoreError } from '../store/store-error.ts';

/** The state of the disk at one moment. */
export interface CommitState {
  readonly map: BlockMapState;
  /** The size of the disk, in bytes. It is committed together with the map that belongs to it. */
  readonly size: number;
  readonly floor: number;
  readonly version: number;
}

/** What a commit takes from the disk. */
export interface CommitSource {
  /** Makes the map short enough. Called before each commit. */
  prepare(): Promise<void>;
  /** Called before each renewal of the lease, for work that nobody waits for. */
  tick(): void;
  /** Called when the commit begins; all of it at one moment. */
  state(): CommitState;
  /** Called with the state in hand, before it is committed: what the state is made of may have to be safe elsewhere first. */
  beforeCommit(): Promise<void>;
}

/** A change that a commit carries besides the map. It may be asked for again. */
export type ManifestChange = (next: Manifest) => Manifest;

interface Waiting {
  readonly change: ManifestChange | undefined;
  resolve(): void;
  reject(error: unknown): void;
}

/** The lease is renewed this many times within its time. */
const renewalsPerLease = 3;

export class WriterSession {
  readonly #register: ManifestRegister;
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #nonce: string;
  readonly #onFenced: ((error: CommandError) => void) | undefined;
  #manifest: Manifest;
  #etag: string;
  #source: CommitSource | undefined;
  /** Until when the lease holds by our own clock. */
  #validUntilMs: number;
  #fence: CommandError | undefined;
  #waiting: Waiting[] = [];
  #isRunning = false;
  #serial = 0;
  #committedVersion = 0;
  #cancelRenewal: Cancel = () => {};
  #isEnded = false;

  /**
   * @param startMs when the request that has made this the writer was begun
   */
  constructor(
    register: ManifestRegister,
    clock: Clock,
    loaded: { readonly manifest: Manifest; readonly etag: string },
    startMs: number,
    onFenced?: (error: CommandError) => void,
  ) {
    const { writer } = loaded.manifest;
    this.#register = register;
    this.#onFenced = onFenced;
    this.#clock = clock;
    this.#manifest = loaded.manifest;
    this.#etag = loaded.etag;
    this.#leaseMs = writer?.leaseMs ?? 0;
    this.#nonce = writer?.nonce ?? '';
    this.#validUntilMs = startMs + this.#leaseMs;
  }

  get manifest(): Manifest {
    return this.#manifest;
  }

  get epoch(): number {
    return this.#manifest.epoch;
  }

  /** Why this writer cannot write any more; `undefined` as long as it can. */
  get fence(): CommandError | undefined {
    return this.#fence;
  }

  /** The next serial without giving it away. */
  get nextSerial(): number {
    return this.#serial;
  }

  takeSerial(): number {
    return this.#serial++;
  }

  begin(source: CommitSource): void {
    this.#source = source;
    this.#committedVersion = source.state().version;
    this.#scheduleRenewal(this.#leaseMs / renewalsPerLease);
  }

  /**
   * Settles when the lease holds by our own clock.
   *
   * @throws CommandError `ESHUTDOWN` when another writer has taken over; what the store throws when it cannot be asked.
   */
  require(): void | Promise<void> {
    if (this.#fence !== undefined) throw this.#fence;
    if (this.#clock.now() < this.#validUntilMs) return undefined;
    return this.commit();
  }

  /** Settles when the state of at least this version is committed. */
  commitVersion(version: number): void | Promise<void> {
    if (this.#fence !== undefined) throw this.#fence;
    return this.#committedVersion >= version ? undefined : this.commit();
  }

  /** Commits what there is now, and renews the lease by that. */
  commit(change?: ManifestChange): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ change, resolve, reject });
      if (!this.#isRunning) void this.#run();
    });
  }

  /** Gives up the right to write. What was not committed is lost. */
  async end(): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#cancelRenewal();
    if (this.#fence === undefined) await this.commit().catch(() => {});
  }

  /** One commit for all who wait for one. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      try {
        const changes = waiting.flatMap(({ change }) => change ?? []);
        await this.#commitOnce(changes);
        for (const one of waiting) one.resolve();
      } catch (error) {
        for (const one of waiting) one.reject(error);
      }
    }
    this.#isRunning = false;
  }

  async #commitOnce(changes: readonly ManifestChange[]): Promise<void> {
    const source = this.#source as CommitSource;
    for (;;) {
      if (this.#fence !== undefined) throw this.#fence;
      await source.prepare();
      const state = source.state();
      await source.beforeCommit();
      const next = this.#next(state, changes);
      const startMs = this.#clock.now();
      try {
        this.#etag = await this.#register.swap(this.#etag, next);
      } catch (error) {
        // The answer may be lost and the manifest there; so what is there is looked at in any case.
        await this.#lookAgain(error);
        if (!isStoreError(error, 'ERR_NBD_STORE_PRECONDITION')) throw error;
        continue;
      }
      this.#manifest = next;
      this.#committedVersion = state.version;
      this.#validUntilMs = startMs + this.#leaseMs;
      if (!this.#isEnded) this.#scheduleRenewal(this.#leaseMs / renewalsPerLease);
      return;
    }
  }

  #next({ map, size, floor }: CommitState, changes: readonly ManifestChange[]): Manifest {
    const { commit, writer } = this.#manifest;
    let next: Manifest = {
      ...this.#manifest,
      commit: commit + 1,
      map,
      size,
      floor,
      writer: this.#isEnded ? undefined : writer,
    };
    for (const change of changes) next = change(next);
    return next;
  }

  /** Finds out whether this is still the writer, and what somebody else has changed. */
  async #lookAgain(cause: unknown): Promise<void> {
    let loaded: Awaited<ReturnType<ManifestRegister['load']>>;
    try {
      loaded = await this.#register.load();
    } catch {
      // The store cannot be asked; the next commit will find out.
      throw cause;
    }
    if (loaded === undefined || 'isDeleted' in loaded.manifest) {
      throw this.#close(loaded === undefined ? 'it is not there any more' : 'it was deleted', cause);
    }
    const { manifest, etag } = loaded;
    if (manifest.writer?.nonce !== this.#nonce) {
      const { epoch, writer } = manifest;
      const other = writer === undefined ? 'another writer' : `'${writer.label}'`;
      throw this.#close(`${other} has taken over with epoch ${epoch}, this writer had epoch ${this.epoch}`, cause);
    }
    this.#manifest = manifest;
    this.#etag = etag;
  }

  #close(why: string, cause: unknown): CommandError {
    this.#cancelRenewal();
    const isFirst = this.#fence === undefined;
    this.#fence = new CommandError('ESHUTDOWN', `${this.#register.what} is not ours any more: ${why}`, { cause });
    if (isFirst) this.#onFenced?.(this.#fence);
    return this.#fence;
  }

  #scheduleRenewal(delayMs: number): void {
    this.#cancelRenewal();
    this.#cancelRenewal = this.#clock.schedule(delayMs, () => {
      this.#source?.tick();
      this.commit().catch(() => {
        // What failed for good is found by the next call; what may pass is tried again.
        if (this.#fence === undefined && !this.#isEnded) this.#scheduleRenewal(this.#leaseMs / renewalsPerLease);
      });
    });
  }
}
