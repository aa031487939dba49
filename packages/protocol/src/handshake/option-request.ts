/** Options, the client's side of the negotiation ("Option types"): header and payload of each, both ways. */
import { limits } from '@nbdjs/interfaces';
import { Option, options } from '../constants/constants.ts';
import { HandshakeMagic } from '../constants/magic.ts';
import type { Malformed } from '../malformed.ts';
import { PayloadReader } from './payload-reader.ts';
import { PayloadWriter } from './payload-writer.ts';

/** An option with its payload, decoded. */
export type OptionRequest =
  | {
      /** The option's number; it has no payload. */
      readonly option: EmptyOption;
    }
  | {
      /** The option's number. */
      readonly option: typeof Option.ExportName;
      /** Empty for the default export. */
      readonly exportName: string;
    }
  | {
      /** The option's number. */
      readonly option: InfoOption;
      /** Empty for the default export. */
      readonly exportName: string;
      /** Which information the client asks for, see `InfoType`; the server may send more. */
      readonly infoTypes: readonly number[];
    }
  | {
      /** The option's number. */
      readonly option: MetaContextOption;
      /** Empty for the default export. */
      readonly exportName: string;
      /** Names of contexts, or queries in the syntax of their namespace. */
      readonly queries: readonly string[];
    };

/** Options without payload (C7, C8). */
export type EmptyOption =
  | typeof Option.Abort
  | typeof Option.List
  | typeof Option.StartTls
  | typeof Option.StructuredReply
  | typeof Option.ExtendedHeaders;
/** Options that ask for information about an export. `GO` also opens it. */
export type InfoOption = typeof Option.Info | typeof Option.Go;
/** Options about metadata contexts: to see which there are, or to choose some for block status. */
export type MetaContextOption = typeof Option.ListMetaContext | typeof Option.SetMetaContext;

/** The header of each option, in front of its payload. */
export interface OptionHeader {
  /** See `Option`; any number can come. */
  readonly option: number;
  /** Length in bytes of the payload that follows. */
  readonly length: number;
}

/** Length in bytes of an `OptionHeader` with its magic. */
export const optionHeaderBytes = 16;

/** Any option, known or not, with a payload that the caller has encoded. */
export function encodeOption(option: number, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  return new PayloadWriter().u64(HandshakeMagic.Option).u32(option).u32(payload.length).bytes(payload).finish();
}

/**
 * One option, header and payload.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` when a name cannot be sent (see `encodeName`).
 */
export function encodeOptionRequest(request: OptionRequest): Uint8Array {
  return encodeOption(request.option, encodePayload(request));
}

/** Decodes 16 bytes. A wrong magic means that the stream is out of sync, and the connection is lost. */
export function decodeOptionHeader(bytes: Uint8Array): OptionHeader | Malformed {
  const reader = new PayloadReader(bytes, 'option header', 'S3');
  const magic = reader.u64('magic');
  if (magic !== HandshakeMagic.Option)
    reader.fail('bad-option-magic', `expected IHAVEOPT, got 0x${magic.toString(16)}`);
  return reader.finish({ option: reader.u32('option'), length: reader.u32('length') });
}

/**
 * Parses the payload of an option. Returns `Malformed` when it breaks a rule or has more than `queriesMax` queries for metadata
 * contexts, and `undefined` when the option is unknown, which a server answers with `NBD_REP_ERR_UNSUP` (S3).
 */
export function parseOptionRequest(
  option: number,
  payload: Uint8Array,
  queriesMax: number = limits.contextQueriesMax,
): OptionRequest | Malformed | undefined {
  const reader = new PayloadReader(payload, `option ${options.name(option)}`, ruleOf[option] ?? 'S3');
  switch (option) {
    case Option.Abort:
      // Data with ABORT is ignored: the client ends the connection in any case (S4).
      return { option };
    case Option.List:
    case Option.StartTls:
    case Option.StructuredReply:
    case Option.ExtendedHeaders:
      if (payload.length > 0) reader.fail('unexpected-payload', `expected no payload, got ${payload.length} bytes`);
      return reader.finish({ option });
    case Option.ExportName:
      return reader.finish({ option, exportName: reader.text(payload.length, 'export name') });
    case Option.Info:
    case Option.Go:
      return parseInfoRequest(option, reader);
    case Option.ListMetaContext:
    case Option.SetMetaContext:
      return parseMetaContextRequest(option, reader, queriesMax);
    default:
      return undefined;
  }
}

/** The rules about the options' payloads. */
const ruleOf: Readonly<Record<number, string>> = {
  [Option.ExportName]: 'G2',
  [Option.List]: 'S5',
  [Option.StartTls]: 'S5',
  [Option.StructuredReply]: 'S5',
  [Option.ExtendedHeaders]: 'S5',
  [Option.Info]: 'S10',
  [Option.Go]: 'S10',
  [Option.ListMetaContext]: 'S29',
  [Option.SetMetaContext]: 'S29',
};

function encodePayload(request: OptionRequest): Uint8Array {
  const writer = new PayloadWriter();
  switch (request.option) {
    case Option.ExportName:
      return writer.name(request.exportName).finish();
    case Option.Info:
    case Option.Go:
      writer.countedName(request.exportName).u16(request.infoTypes.length);
      for (const infoType of request.infoTypes) writer.u16(infoType);
      return writer.finish();
    case Option.ListMetaContext:
    case Option.SetMetaContext:
      writer.countedName(request.exportName).u32(request.queries.length);
      for (const query of request.queries) writer.countedText(query, 'metadata context query');
      return writer.finish();
    default:
      return writer.finish();
  }
}

function parseInfoRequest(option: InfoOption, reader: PayloadReader): OptionRequest | Malformed {
  const exportName = reader.text(reader.u32('length of the export name'), 'export name');
  const count = reader.u16('number of information requests');
  if (!reader.faulty && reader.remaining !== 2 * count) {
    reader.fail(
      'wrong-count',
      `expected ${2 * count} bytes for ${count} information requests, got ${reader.remaining}`,
    );
  }
  const infoTypes: number[] = [];
  while (reader.remaining > 0) infoTypes.push(reader.u16('information request'));
  return reader.finish({ option, exportName, infoTypes });
}

function parseMetaContextRequest(
  option: MetaContextOption,
  reader: PayloadReader,
  queriesMax: number,
): OptionRequest | Malformed {
  const exportName = reader.text(reader.u32('length of the export name'), 'export name');
  const count = reader.u32('number of queries');
  const queries: string[] = [];
  // Where the count is too high, the loop ends at the first query that has no bytes left: each needs four for its length.
  while (queries.length < count && !reader.faulty) {
    if (queries.length < queriesMax) {
      queries.push(reader.text(reader.u32('length of the query'), 'query'));
    } else {
      reader.fail('too-many-queries', `${count} queries are too many, at most ${queriesMax} are taken`);
    }
  }
  return reader.finish({ option, exportName, queries });
}
