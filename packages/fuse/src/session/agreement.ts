/** What is agreed upon with the kernel at the start of a session. */
import { InitFlag, InitFlag2, minorMin, pageBytes, protocolMajor, protocolMinor } from '../protocol/numbers.ts';
import type { InitReply } from '../protocol/reply.ts';
import type { InitRequest } from '../protocol/request.ts';
import { backgroundMax, requestBytesMax } from './limits.ts';

const wantedFlags =
  InitFlag.AsyncRead |
  InitFlag.BigWrites |
  InitFlag.AsyncDirectIo |
  InitFlag.ParallelDirectoryOperations |
  InitFlag.MaxPages |
  InitFlag.Extended;

const wantedFlags2 = InitFlag2.DirectIoAllowsMapping;

/** Returns the reply to `Init`, or `undefined` where the kernel lacks what is needed. */
export function agreement({ major, minor, readAheadBytes, flags, flags2 }: InitRequest): InitReply | undefined {
  const common = {
    readAheadBytes,
    backgroundMax,
    congestionThreshold: (backgroundMax / 4) * 3,
    writeBytesMax: requestBytesMax,
    pagesMax: requestBytesMax / pageBytes,
  };
  // A kernel of a later generation asks once more, in ours.
  if (major > protocolMajor) return { ...common, major: protocolMajor, minor: protocolMinor, flags: 0, flags2: 0 };
  if (major < protocolMajor || minor < minorMin || (flags & InitFlag.MaxPages) === 0) return undefined;
  return {
    ...common,
    major: protocolMajor,
    minor: Math.min(minor, protocolMinor),
    flags: flags & wantedFlags,
    flags2: (flags & InitFlag.Extended) === 0 ? 0 : flags2 & wantedFlags2,
  };
}
