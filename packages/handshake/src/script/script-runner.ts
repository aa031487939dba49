/** Runs a script: gives it the bytes that it needs of the stream, and reports its other needs until the owner has met them. */
import { NbdError } from '@nbdjs/interfaces';
import { ByteAssembler } from '@nbdjs/protocol';
import { BytesNeed, type ScriptStep, SkipNeed, type StreamNeed } from './steps.ts';

/** Called at the end of the script, once. */
interface ScriptEnd<Result> {
  finish(result: Result): void;
  fail(error: NbdError): void;
}

/** Skipped bytes of all scripts land here; they are never read. */
const skipped = new Uint8Array(16 * 1024);

export class ScriptRunner<Need, Result> {
  readonly #script: ScriptStep<Need | StreamNeed, Result>;
  readonly #assembler: ByteAssembler;
  readonly #end: ScriptEnd<Result>;
  #stream: StreamNeed | undefined;
  #skipLeft = 0;
  #need: Need | undefined;

  /** `bytesMax`: the most bytes that the script receives in one piece. The script begins with the first `resume`. */
  constructor(script: ScriptStep<Need | StreamNeed, Result>, bytesMax: number, end: ScriptEnd<Result>) {
    this.#script = script;
    this.#assembler = new ByteAssembler(bytesMax);
    this.#end = end;
  }

  /** Whether the script waits for bytes of the peer. */
  get isReceiving(): boolean {
    return this.#stream !== undefined;
  }

  /** What the script waits for instead. */
  get need(): Need | undefined {
    return this.#need;
  }

  /** The bytes that have landed of those that the script waits for; valid until the next `resume`. */
  get partial(): Uint8Array {
    return this.#assembler.partial;
  }

  /** Where the next bytes must land, never more than the script waits for. Call it only while `isReceiving`. */
  writable(): Uint8Array {
    if (this.#stream instanceof SkipNeed) return skipped.subarray(0, Math.min(this.#skipLeft, skipped.length));
    return this.#assembler.writable();
  }

  /** `byteCount` bytes have landed at the start of the memory that `writable` returned last. */
  advance(byteCount: number): void {
    if (this.#stream instanceof BytesNeed) {
      this.#assembler.advance(byteCount);
      if (this.#assembler.missing > 0) return;
      this.#stream.bytes = this.#assembler.take();
    } else {
      this.#skipLeft -= byteCount;
      if (this.#skipLeft > 0) return;
    }
    this.resume();
  }

  /** Runs the script until its next need or its end. Call it when the present need is met. */
  resume(): void {
    this.stop();
    try {
      let turn = this.#script.next();
      // A need of no bytes is met at once.
      while (turn.done !== true && isEmpty(turn.value)) turn = this.#script.next();
      if (turn.done === true) this.#end.finish(turn.value);
      else this.#await(turn.value);
    } catch (error) {
      if (!(error instanceof NbdError)) throw error;
      this.#end.fail(error);
    }
  }

  /** Drops what the script waits for; it does not go on. */
  stop(): void {
    this.#stream = undefined;
    this.#need = undefined;
  }

  #await(need: Need | StreamNeed): void {
    if (need instanceof BytesNeed) {
      this.#assembler.expect(need.count);
      this.#stream = need;
    } else if (need instanceof SkipNeed) {
      this.#skipLeft = need.count;
      this.#stream = need;
    } else {
      this.#need = need;
    }
  }
}

function isEmpty(need: unknown): boolean {
  return (need instanceof BytesNeed || need instanceof SkipNeed) && need.count === 0;
}
