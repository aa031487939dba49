/** Messages of a server that many tests need, as bytes. */
import {
  encodeAckReply,
  encodeErrorReply,
  encodeGreeting,
  encodeInfoReply,
  encodeOption,
  encodeOptionReply,
  Option,
  OptionReply,
} from '@nbdjs/protocol';

export const greeting = encodeGreeting({ style: 'newstyle', handshakeFlags: 3 });
export const plainGreeting = encodeGreeting({ style: 'newstyle', handshakeFlags: 2 });
export const abort = encodeOption(Option.Abort);

export const exportInfo = encodeInfoReply(Option.Go, { kind: 'export', size: 1024n, transmissionFlags: 1 });
export const ack = encodeAckReply;
export const error = encodeErrorReply;
export const reply = encodeOptionReply;
export const unsupported = (option: number) => encodeErrorReply(option, OptionReply.ErrUnsupported);

/** Consent to GO with the least that it needs. */
export const gone = [exportInfo, ack(Option.Go)] as const;
