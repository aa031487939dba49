/**
 * All other numbers on the wire, each group with a table of the specification's names.
 *
 * The keys are the specification's words without the C prefix; its identifier stands in the group's comment.
 */
import { nameTable } from './name-table.ts';

/** Handshake flags of the server (`NBD_FLAG_*`, 16 bits) and of the client (`NBD_FLAG_C_*`, 32 bits): the same bits. */
export const HandshakeFlag = {
  FixedNewstyle: 1 << 0,
  NoZeroes: 1 << 1,
} as const;

export const handshakeFlags = nameTable('handshake flag', { FIXED_NEWSTYLE: 1, NO_ZEROES: 2 });

/** Transmission flags (`NBD_FLAG_*`, 16 bits): what the export can do. */
export const TransmissionFlag = {
  HasFlags: 1 << 0,
  ReadOnly: 1 << 1,
  SendFlush: 1 << 2,
  SendFua: 1 << 3,
  Rotational: 1 << 4,
  SendTrim: 1 << 5,
  SendWriteZeroes: 1 << 6,
  SendDf: 1 << 7,
  CanMultiConn: 1 << 8,
  SendResize: 1 << 9,
  SendCache: 1 << 10,
  SendFastZero: 1 << 11,
  BlockStatusPayload: 1 << 12,
} as const;

export const transmissionFlags = nameTable('transmission flag', {
  HAS_FLAGS: 1 << 0,
  READ_ONLY: 1 << 1,
  SEND_FLUSH: 1 << 2,
  SEND_FUA: 1 << 3,
  ROTATIONAL: 1 << 4,
  SEND_TRIM: 1 << 5,
  SEND_WRITE_ZEROES: 1 << 6,
  SEND_DF: 1 << 7,
  CAN_MULTI_CONN: 1 << 8,
  SEND_RESIZE: 1 << 9,
  SEND_CACHE: 1 << 10,
  SEND_FAST_ZERO: 1 << 11,
  BLOCK_STATUS_PAYLOAD: 1 << 12,
});

/** Options (`NBD_OPT_*`). */
export const Option = {
  ExportName: 1,
  Abort: 2,
  List: 3,
  /** Withdrawn from the specification; never sent. */
  PeekExport: 4,
  StartTls: 5,
  Info: 6,
  Go: 7,
  StructuredReply: 8,
  ListMetaContext: 9,
  SetMetaContext: 10,
  ExtendedHeaders: 11,
} as const;

export const options = nameTable('option', {
  EXPORT_NAME: 1,
  ABORT: 2,
  LIST: 3,
  PEEK_EXPORT: 4,
  STARTTLS: 5,
  INFO: 6,
  GO: 7,
  STRUCTURED_REPLY: 8,
  LIST_META_CONTEXT: 9,
  SET_META_CONTEXT: 10,
  EXTENDED_HEADERS: 11,
});

/** Set in every option reply type that is an error. */
const optionError = 0x8000_0000;

/** Option replies (`NBD_REP_*`). */
export const OptionReply = {
  Ack: 1,
  Server: 2,
  Info: 3,
  MetaContext: 4,
  ErrUnsupported: optionError + 1,
  ErrPolicy: optionError + 2,
  ErrInvalid: optionError + 3,
  ErrPlatform: optionError + 4,
  ErrTlsRequired: optionError + 5,
  ErrUnknown: optionError + 6,
  ErrShutdown: optionError + 7,
  ErrBlockSizeRequired: optionError + 8,
  ErrTooBig: optionError + 9,
  ErrExtendedHeadersRequired: optionError + 10,
} as const;

export const optionReplies = nameTable('option reply', {
  ACK: 1,
  SERVER: 2,
  INFO: 3,
  META_CONTEXT: 4,
  ERR_UNSUP: optionError + 1,
  ERR_POLICY: optionError + 2,
  ERR_INVALID: optionError + 3,
  ERR_PLATFORM: optionError + 4,
  ERR_TLS_REQD: optionError + 5,
  ERR_UNKNOWN: optionError + 6,
  ERR_SHUTDOWN: optionError + 7,
  ERR_BLOCK_SIZE_REQD: optionError + 8,
  ERR_TOO_BIG: optionError + 9,
  ERR_EXT_HEADER_REQD: optionError + 10,
});

/** Whether an option reply type says that the option failed. */
export function isOptionError(replyType: number): boolean {
  return replyType >= optionError;
}

/** Kinds of information in `INFO` and `GO` (`NBD_INFO_*`). */
export const InfoType = {
  Export: 0,
  Name: 1,
  Description: 2,
  BlockSize: 3,
} as const;

export const infoTypes = nameTable('info', { EXPORT: 0, NAME: 1, DESCRIPTION: 2, BLOCK_SIZE: 3 });

/** Commands (`NBD_CMD_*`). */
export const Command = {
  Read: 0,
  Write: 1,
  Disconnect: 2,
  Flush: 3,
  Trim: 4,
  Cache: 5,
  WriteZeroes: 6,
  BlockStatus: 7,
  /** Of the resize extension; reserved in the main specification. */
  Resize: 8,
} as const;

export const commands = nameTable('command', {
  READ: 0,
  WRITE: 1,
  DISC: 2,
  FLUSH: 3,
  TRIM: 4,
  CACHE: 5,
  WRITE_ZEROES: 6,
  BLOCK_STATUS: 7,
  RESIZE: 8,
});

/** Command flags (`NBD_CMD_FLAG_*`, 16 bits). */
export const CommandFlag = {
  Fua: 1 << 0,
  NoHole: 1 << 1,
  /** Don't fragment. */
  Df: 1 << 2,
  ReqOne: 1 << 3,
  FastZero: 1 << 4,
  /** Extended headers only: the header's length counts payload bytes. */
  PayloadLen: 1 << 5,
} as const;

export const commandFlags = nameTable('command flag', {
  FUA: 1 << 0,
  NO_HOLE: 1 << 1,
  DF: 1 << 2,
  REQ_ONE: 1 << 3,
  FAST_ZERO: 1 << 4,
  PAYLOAD_LEN: 1 << 5,
});

/** Structured reply chunks (`NBD_REPLY_TYPE_*`). */
export const ChunkType = {
  None: 0,
  OffsetData: 1,
  OffsetHole: 2,
  BlockStatus: 5,
  BlockStatusExt: 6,
  Error: 0x8001,
  ErrorOffset: 0x8002,
} as const;

export const chunkTypes = nameTable('chunk type', {
  NONE: 0,
  OFFSET_DATA: 1,
  OFFSET_HOLE: 2,
  BLOCK_STATUS: 5,
  BLOCK_STATUS_EXT: 6,
  ERROR: 0x8001,
  ERROR_OFFSET: 0x8002,
});

/** Set in every chunk type that is an error. */
export const chunkErrorBit = 0x8000;

/** Flags of a chunk (`NBD_REPLY_FLAG_*`). */
export const ChunkFlag = {
  /** No further chunk of this reply follows. */
  Done: 1 << 0,
} as const;

export const chunkFlags = nameTable('chunk flag', { DONE: 1 });
