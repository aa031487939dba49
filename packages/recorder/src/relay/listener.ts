/** What listens to a session that is passed on. */
import type { Frame, FrameHandler, Side } from '../decoding/frame.ts';

/** What listens to a session that is passed on. */
export interface RelayListener extends FrameHandler {
  /** A side sends no more. */
  sideEnd?(side: Side): void;
  /** Something was done to a message; one line. */
  fault?(text: string, frame: Frame): void;
}
