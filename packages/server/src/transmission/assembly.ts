/** Makes the parts of one client's transmission, and joins them. */
import { type BlockDevice, type ByteChannel, type ExportFacts, limits } from '@nbdjs/interfaces';
import { RequestDecoder } from '@nbdjs/protocol';
import type { MemoryAccount } from '../admission/memory-budget.ts';
import type { ServerContext } from '../server-context.ts';
import type { Statistics } from '../statistics/statistics.ts';
import { Admission } from './admission.ts';
import type { CommandContext } from './commands/command-context.ts';
import { memoryBytesOf } from './commands/execute.ts';
import { ReplyWriter } from './reply-writer.ts';
import { RequestIntake, type RequestTaker } from './request-intake.ts';
import { RequestMemory } from './request-memory.ts';
import { RequestRunner, type RunnerEvents } from './request-runner.ts';
import { RequestValidator } from './request-validator.ts';
import { SendBuffer } from './send-buffer.ts';
import { StallDetector } from './stall-detector.ts';

/** What one client uses, and how. */
export interface TransmissionOptions {
  readonly channel: ByteChannel;
  readonly facts: ExportFacts;
  readonly device: BlockDevice;
  /** Requests have to fit the blocks that the client was told of. */
  readonly isAligned: boolean;
  readonly statistics: Statistics;
}

export interface TransmissionRooms {
  readonly account: MemoryAccount;
  readonly memory: RequestMemory;
  readonly intake: RequestIntake;
  readonly decoder: RequestDecoder;
  readonly admission: Admission;
  readonly runner: RequestRunner;
  readonly output: SendBuffer;
  readonly stalls: StallDetector;
}

/** `resumeQueue`: begins requests that wait, because there may be room for them now. */
export function assemble(
  { channel, facts, device, isAligned, statistics }: TransmissionOptions,
  { settings, budget, buffers, users, clock, nextTurn, trace }: ServerContext,
  conductor: RequestTaker & RunnerEvents,
  resumeQueue: () => void,
): TransmissionRooms {
  const account = budget.openAccount(resumeQueue);
  const memory = new RequestMemory(account, buffers);
  const output = new SendBuffer(channel, buffers, account);
  const validator = new RequestValidator(facts, device, settings.payloadBytesMax, isAligned);
  const commands: CommandContext = {
    device,
    holder: users.enter(device),
    users,
    contexts: facts.contexts,
    mode: facts.mode,
    validator,
    writer: new ReplyWriter(output, facts.mode),
    buffers,
    statistics,
    statusBytesMax: settings.statusBytesMax,
  };
  const intake = new RequestIntake(device, validator, memory, trace, conductor);
  return {
    account,
    memory,
    intake,
    decoder: new RequestDecoder(intake, {
      extended: facts.mode === 'extended',
      payloadBytesMax: limits.payloadBytesMax,
    }),
    admission: new Admission({
      clock,
      nextTurn,
      limits: settings,
      memory,
      replies: output,
      memoryBytesOf: (request) => memoryBytesOf(commands, request),
      onTurn: resumeQueue,
    }),
    runner: new RequestRunner(commands, trace, conductor),
    output,
    stalls: new StallDetector(settings),
  };
}
