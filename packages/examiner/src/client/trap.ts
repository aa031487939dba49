/** A server for a client under examination: keeps to a scenario, and notes what the client does against the rules. */
import type { ByteChannel, Clock } from '@nbdjs/interfaces';
import { Command, HeaderBytes, TransmissionFlag, TransmissionMagic, WireError } from '@nbdjs/protocol';
import { HungUp, Silent } from '../examination/outcomes.ts';
import { viewOf } from '../wire/reply-reader.ts';
import { type Excerpt, Transcript } from '../wire/transcript.ts';
import { Wire } from '../wire/wire.ts';
import type { Quirks } from './scenario.ts';
import { ServedExport } from './served-export.ts';
import { type RequestFields, ServedRequest } from './served-request.ts';
import { sendPieces, TrapHaggling } from './trap-haggling.ts';
import { type Agreed, type Violation, violationsOf } from './violations.ts';

/** A violation with the bytes that show it. */
export interface NotedViolation extends Violation {
  /** The messages up to the one that broke the rule. */
  readonly evidence: readonly Excerpt[];
}

/** A client is not asked to send more in a request. */
const payloadBytesMax = 64 * 2 ** 20;

/** Serves one run of a client. */
export class Trap {
  readonly #quirks: Quirks;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #export = new ServedExport();
  readonly #wires = new Set<Wire>();
  readonly #violations = new Map<string, NotedViolation>();
  #connections = 0;
  #transmitting = 0;

  /** `timeoutMs`: a client that is silent for so long is disconnected. */
  constructor(quirks: Quirks, clock: Clock, timeoutMs: number) {
    this.#quirks = quirks;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Each rule that was broken, once. */
  get violations(): readonly NotedViolation[] {
    return [...this.#violations.values()];
  }

  /** How many connections there were. */
  get connections(): number {
    return this.#connections;
  }

  /** Serves one connection. Never rejects; a client that hangs up is no error. */
  async accept(channel: ByteChannel): Promise<void> {
    this.#connections++;
    const transcript = new Transcript();
    const wire = new Wire(channel, { clock: this.#clock, timeoutMs: this.#timeoutMs, transcript, peer: 'client' });
    this.#wires.add(wire);
    const note = (violation: Violation): void => {
      const key = `${violation.rule} ${violation.text}`;
      if (this.#violations.size < violationsMax && !this.#violations.has(key)) {
        this.#violations.set(key, { ...violation, evidence: [...transcript.excerpts] });
      }
    };
    try {
      const agreed = await new TrapHaggling(wire, this.#quirks, note).run();
      if (agreed !== undefined) await this.#transmit(wire, agreed, note);
    } catch (error) {
      if (!(error instanceof HungUp || error instanceof Silent)) throw error;
    } finally {
      this.#wires.delete(wire);
      await wire.leave();
    }
  }

  /** Ends all connections. */
  destroy(): void {
    for (const wire of this.#wires) wire.destroy();
  }

  async #transmit(wire: Wire, agreed: Agreed, note: (violation: Violation) => void): Promise<void> {
    this.#transmitting++;
    if (this.#transmitting > 1 && (agreed.transmissionFlags & TransmissionFlag.CanMultiConn) === 0) {
      note({ rule: 'C49', level: 'SHOULD', text: 'several connections, and CAN_MULTI_CONN is not announced' });
    }
    try {
      let reads = 0;
      for (;;) {
        const fields = await this.#request(wire, agreed, note);
        if (fields === undefined) return;
        for (const violation of violationsOf(fields, agreed)) note(violation);
        if (fields.command === Command.Disconnect) {
          if (!(await wire.isQuiet())) note({ rule: 'C47', level: 'MUST', text: 'bytes follow DISC' });
          return;
        }
        if (!this.#answer(wire, fields, agreed, reads)) return;
        if (fields.command === Command.Read) reads++;
      }
    } finally {
      this.#transmitting--;
    }
  }

  async #request(
    wire: Wire,
    { mode }: Agreed,
    note: (violation: Violation) => void,
  ): Promise<RequestFields | undefined> {
    const isExtended = mode === 'extended';
    const bytes = await wire.take(isExtended ? HeaderBytes.ExtendedRequest : HeaderBytes.Request, 'a request');
    const view = viewOf(bytes);
    const magic = isExtended ? TransmissionMagic.ExtendedRequest : TransmissionMagic.Request;
    if (view.getUint32(0) !== magic) {
      const text = `a request begins with 0x${view.getUint32(0).toString(16)}, expected 0x${magic.toString(16)}`;
      note({ rule: 'C63', level: 'MUST', text });
      return undefined;
    }
    const [flags, command] = [view.getUint16(4), view.getUint16(6)];
    const length = isExtended ? view.getBigUint64(24) : BigInt(view.getUint32(24));
    const hasPayload = command === Command.Write || (isExtended && (flags & payloadLenFlag) !== 0);
    if (hasPayload && length > payloadBytesMax) return undefined;
    const payload = hasPayload ? await wire.take(Number(length), 'a payload') : new Uint8Array(0);
    return { command, flags, cookie: view.getBigUint64(8), offset: view.getBigUint64(16), length, payload };
  }

  /** Sends the reply; whether the connection goes on. */
  #answer(wire: Wire, fields: RequestFields, { mode, hasContexts }: Agreed, reads: number): boolean {
    const { command, offset, length } = fields;
    const data = command === Command.Read ? this.#export.read(fields) : undefined;
    const request = new ServedRequest(fields, mode, data ?? new Uint8Array(0), reads);
    const odd = this.#quirks.reply?.(request);
    if (odd !== undefined) return sendPieces(wire, odd);
    if (data !== undefined) wire.send(...request.read());
    else if (command === Command.BlockStatus && hasContexts && length > 0n && offset + length <= this.#export.size) {
      wire.send(request.status(0, this.#export.extents(offset, length)));
    } else wire.send(request.plain(command === Command.Read ? WireError.Einval : this.#export.apply(fields)));
    return true;
  }
}

/** A client that breaks more rules than this is bad enough. */
const violationsMax = 200;
const payloadLenFlag = 1 << 5;
