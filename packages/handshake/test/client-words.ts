/** Messages of a client that many tests need, as bytes. */
import { encodeOptionRequest, Option, type OptionRequest } from '@nbdjs/protocol';

export const ask = (request: OptionRequest): Uint8Array => encodeOptionRequest(request);
export const go = (exportName = 'disk', infoTypes: readonly number[] = []) =>
  ask({ option: Option.Go, exportName, infoTypes });
export const info = (exportName = 'disk', infoTypes: readonly number[] = []) =>
  ask({ option: Option.Info, exportName, infoTypes });
export const exportName = (name: string) => ask({ option: Option.ExportName, exportName: name });
export const set = (queries: readonly string[], name = 'disk') =>
  ask({ option: Option.SetMetaContext, exportName: name, queries });
export const list = (queries: readonly string[], name = 'disk') =>
  ask({ option: Option.ListMetaContext, exportName: name, queries });
export const structured = ask({ option: Option.StructuredReply });
export const extended = ask({ option: Option.ExtendedHeaders });
export const startTls = ask({ option: Option.StartTls });
export const abort = ask({ option: Option.Abort });
