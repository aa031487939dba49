/** A WebSocket over a channel of bytes: the frames of RFC 6455 on top of a connection whose HTTP handshake is over. */
import type { ByteChannel, Cancel, CloseReason } from '@nbdjs/interfaces';
import { closeCode, closeFailure, isSendableCode } from '../channel/close-code.ts';
import type { FrameEvents, FrameSocket } from '../channel/frame-channel.ts';
import { opcode } from './frame-header.ts';
import { FrameReceiver } from './frame-receiver.ts';
import { FrameSender } from './frame-sender.ts';
import { Heartbeat, type HeartbeatSettings } from './heartbeat.ts';

/** What a WebSocket over a channel is given. */
export interface FramingSettings extends HeartbeatSettings {
  /** Clients mask what they send. */
  readonly role: 'server' | 'client';
  /** See `FrameSender`. */
  readonly hasRandomMask: boolean;
  /** Bytes of one message, with all its fragments. */
  readonly messageBytesMax: number;
  /** Milliseconds that the closing handshake may take. */
  readonly closeMs: number;
}

/** What the peer's Close has said. */
interface PeerClose {
  readonly code: number;
  readonly reason: string;
}

/** A Close without a code. */
const noCode = 1005;

export class Framing implements FrameSocket {
  readonly #lower: ByteChannel;
  readonly #events: FrameEvents;
  readonly #settings: FramingSettings;
  readonly #receiver: FrameReceiver;
  readonly #sender: FrameSender;
  readonly #heartbeat: Heartbeat;
  #isOpened = false;
  #isPaused = true;
  /** A Close of ours is on its way behind everything else. */
  #isEnding = false;
  #peerClose: PeerClose | undefined;
  /** Why we have ended it, where it was not in good order. */
  #failure: Error | undefined;
  #cancelClose: Cancel | undefined;

  constructor(lower: ByteChannel, events: FrameEvents, settings: FramingSettings) {
    this.#lower = lower;
    this.#events = events;
    this.#settings = settings;
    this.#sender = new FrameSender(lower, settings);
    const receiving = { expectsMask: settings.role === 'server', messageBytesMax: settings.messageBytesMax };
    this.#receiver = new FrameReceiver(
      {
        directTarget: () => events.directTarget(),
        landed: (byteCount) => events.landed(byteCount),
        arrived: (bytes) => events.arrived(bytes),
        heard: () => this.#heartbeat.hear(),
        control: (code, payload) => this.#control(code, payload),
        violated: (code, reason) => this.#violated(code, reason),
        drained: () => {
          this.#sender.drained();
          if (this.#isEnding) this.#limitClose();
          events.sent();
        },
        ended: (cause) => this.#finish(cause),
      },
      receiving,
    );
    this.#heartbeat = new Heartbeat(this, settings);
    void lower.closed.then((reason) => this.#lowerClosed(reason));
  }

  get isListening(): boolean {
    return !this.#isPaused;
  }

  get isSending(): boolean {
    return this.#sender.isBlocked;
  }

  get queuedBytes(): number | undefined {
    return this.#lower.queuedBytes;
  }

  send(chunks: readonly Uint8Array[]): boolean {
    return this.#sender.send(chunks);
  }

  pause(paused: boolean): void {
    this.#isPaused = paused;
    this.#lower.pause(paused);
    if (this.#isOpened) return;
    // Called for the first time when the channel is opened. Even if it is paused then, it has to be told when all is sent.
    this.#isOpened = true;
    this.#lower.open(this.#receiver);
  }

  end(): void {
    this.#sender.close(closeCode.normal);
    this.#isEnding = true;
    // A slow peer may take its time for what is queued before the Close.
    if (!this.#sender.isBlocked) this.#limitClose();
  }

  /** Answers a Close only now: what the sink has sent because of the last bytes goes before. */
  endTold(): void {
    if (this.#peerClose === undefined) return;
    const { code } = this.#peerClose;
    this.#sender.close(code === noCode ? undefined : code);
    this.#lower.end();
    this.#limitClose();
  }

  destroy(cause: Error | undefined): void {
    this.#heartbeat.stop();
    this.#receiver.stop();
    // Without Close, the peer would take this for a fault of the network. It must not wait for bytes that the peer does not take.
    if (!this.#sender.isBlocked) this.#sender.close(cause === undefined ? closeCode.normal : closeCode.internalError);
    if (!this.#lower.peer.tls) {
      this.#lower.destroy(cause);
      return;
    }
    // TLS sends later, and would drop the Close.
    this.#lower.end();
    this.#limitClose();
  }

  keepAlive(on: boolean): void {
    this.#lower.keepAlive(on);
  }

  ping(): void {
    this.#sender.control(opcode.ping, new Uint8Array(0));
  }

  fail(cause: Error): void {
    this.#failure = cause;
    this.#events.failed(cause);
  }

  #control(code: number, payload: Uint8Array): void {
    if (code === opcode.ping) this.#sender.control(opcode.pong, payload);
    if (code !== opcode.close) return;
    const said = understandClose(payload);
    if (typeof said === 'number') {
      this.#violated(said, 'a Close is malformed');
      return;
    }
    this.#peerClose = said;
    this.#events.ended(closeFailure(said.code, said.reason));
  }

  #violated(code: number, reason: string): void {
    this.#sender.close(code, reason);
    this.fail(new Error(`the peer breaks the rules of WebSocket: ${reason}`));
  }

  /** The connection is given up when the peer does not end it. */
  #limitClose(): void {
    const { clock, closeMs } = this.#settings;
    this.#cancelClose ??= clock.schedule(closeMs, () => this.#lower.destroy());
  }

  /** No more bytes come from below. */
  #finish(cause: Error | undefined): void {
    this.#heartbeat.stop();
    this.#events.ended(this.#reasonOf(cause));
    // The peer has ended; what we could still send has no receiver.
    this.#lower.destroy();
  }

  #reasonOf(cause: Error | undefined): Error | undefined {
    if (this.#failure !== undefined) return this.#failure;
    if (this.#peerClose !== undefined) return closeFailure(this.#peerClose.code, this.#peerClose.reason);
    return cause ?? closeFailure(1006, '');
  }

  #lowerClosed(reason: CloseReason): void {
    this.#heartbeat.stop();
    this.#cancelClose?.();
    this.#sender.stop();
    this.#events.closed(this.#reasonOf('cause' in reason ? reason.cause : undefined));
  }
}

/** Returns what a Close says, or the code of what is wrong with it (section 5.5.1). */
function understandClose(payload: Uint8Array): PeerClose | number {
  if (payload.length === 0) return { code: noCode, reason: '' };
  if (payload.length === 1) return closeCode.protocolError;
  const code = (payload[0] as number) * 256 + (payload[1] as number);
  if (!isSendableCode(code)) return closeCode.protocolError;
  try {
    return { code, reason: new TextDecoder('utf-8', { fatal: true }).decode(payload.subarray(2)) };
  } catch {
    return closeCode.notUtf8;
  }
}
