/** What a client does against the rules: checked with each message that it sends. */
import type { BlockSizes, HeaderMode } from '@nbdjs/interfaces';
import { Command, CommandFlag, commandFlags, commands, flagNames, TransmissionFlag } from '@nbdjs/protocol';
import type { Level } from '../rules/vocabulary.ts';
import type { RequestFields } from './served-request.ts';

/** A rule that the client has broken. */
export interface Violation {
  /** Of docs/conformance.md. */
  readonly rule: string;
  /** How binding the rule is. */
  readonly level: Level;
  /** What the client has sent, in words. */
  readonly text: string;
}

/** What the client knows of the export. */
export interface Agreed {
  readonly mode: HeaderMode;
  readonly size: bigint;
  readonly transmissionFlags: number;
  /** Where the client has asked for them: only then it has to respect them. */
  readonly blockSizes: BlockSizes | undefined;
  readonly hasContexts: boolean;
}

/** The flags that a command may have, and the transmission flag that each needs. */
const allowedFlags: Readonly<Record<number, number>> = {
  [Command.Read]: CommandFlag.Df,
  [Command.WriteZeroes]: CommandFlag.NoHole | CommandFlag.FastZero,
  [Command.BlockStatus]: CommandFlag.ReqOne | CommandFlag.PayloadLen,
  [Command.Write]: CommandFlag.PayloadLen,
};

/** What the server has to announce before a command is sent. */
const neededFor: Readonly<Record<number, number>> = {
  [Command.Flush]: TransmissionFlag.SendFlush,
  [Command.Trim]: TransmissionFlag.SendTrim,
  [Command.WriteZeroes]: TransmissionFlag.SendWriteZeroes,
};

/** What the server has to announce before a flag is set. */
const neededForFlag: readonly (readonly [number, number])[] = [
  [CommandFlag.Fua, TransmissionFlag.SendFua],
  [CommandFlag.Df, TransmissionFlag.SendDf],
  [CommandFlag.FastZero, TransmissionFlag.SendFastZero],
];

const writing: ReadonlySet<number> = new Set([Command.Write, Command.Trim, Command.WriteZeroes]);
const ranged: ReadonlySet<number> = new Set([...writing, Command.Read, Command.Cache, Command.BlockStatus]);

/** Returns what is wrong with a request. */
export function violationsOf(request: RequestFields, agreed: Agreed): readonly Violation[] {
  const { command, flags, offset, length } = request;
  const name = commands.name(command);
  const found: Violation[] = [];
  const must = (rule: string, text: string): void => void found.push({ rule, level: 'MUST', text: `${name}: ${text}` });
  const should = (rule: string, text: string): void =>
    void found.push({ rule, level: 'SHOULD', text: `${name}: ${text}` });
  const isAnnounced = (flag: number): boolean => (agreed.transmissionFlags & flag) !== 0;

  const needed = neededFor[command];
  if (needed !== undefined && !isAnnounced(needed)) must('C41', 'the server has not announced it');
  for (const [flag, announced] of neededForFlag) {
    if ((flags & flag) !== 0 && !isAnnounced(announced)) {
      must('C41', `the flag ${flagNames(commandFlags, flag).join()}, which was not announced`);
    }
  }
  const other = flags & ~((allowedFlags[command] ?? 0) | CommandFlag.Fua);
  if (other !== 0) must('C42', `the flags ${flagNames(commandFlags, other).join(', ')} are not defined for it`);
  if ((flags & CommandFlag.Fua) !== 0 && !writing.has(command)) should('C42', 'FUA on a command that does not write');
  if (command === Command.Flush || command === Command.Disconnect) {
    if (offset !== 0n || length !== 0n) must('C46', `offset ${offset} and length ${length}, both have to be 0`);
  }
  if (writing.has(command) && isAnnounced(TransmissionFlag.ReadOnly)) should('S53', 'the export is read-only');
  if (command === Command.BlockStatus && !agreed.hasContexts) must('C36', 'no context was selected');
  checkPayload(request, agreed, must);
  if (ranged.has(command)) checkRange(request, agreed, must, should);
  return found;
}

type Note = (rule: string, text: string) => void;

function checkPayload({ command, flags }: RequestFields, { mode, transmissionFlags }: Agreed, must: Note): void {
  const hasPayload = (flags & CommandFlag.PayloadLen) !== 0;
  if (hasPayload && mode !== 'extended') must('C65', 'PAYLOAD_LEN with compact headers');
  if (!hasPayload && mode === 'extended' && command === Command.Write) must('C64', 'PAYLOAD_LEN is missing');
  const isFilter = hasPayload && command === Command.BlockStatus;
  if (isFilter && (transmissionFlags & TransmissionFlag.BlockStatusPayload) === 0) {
    must('C71', 'a payload, which was not announced');
  }
}

function checkRange(request: RequestFields, agreed: Agreed, must: Note, should: Note): void {
  const { command, flags, offset, length } = request;
  const { size, blockSizes } = agreed;
  // The length of a filter is that of its payload.
  if (command === Command.BlockStatus && (flags & CommandFlag.PayloadLen) !== 0) return;
  if (offset + length > size) must('C43', `bytes ${offset} to ${offset + length} of an export of ${size}`);
  if (length === 0n) should('C48', 'a length of 0');
  if (blockSizes === undefined) return;
  const minimum = BigInt(blockSizes.minimum);
  if (offset % minimum !== 0n || length % minimum !== 0n) {
    must('C43', `offset ${offset} and length ${length}, and the smallest block is ${minimum}`);
  }
  // A READ that is answered by chunks may be longer: each chunk is bounded, not the whole.
  const isBounded = command === Command.Write || (command === Command.Read && agreed.mode === 'simple');
  if (isBounded && length > BigInt(blockSizes.maximum)) {
    must('C44', `${length} bytes, and the largest payload is ${blockSizes.maximum}`);
  }
}
