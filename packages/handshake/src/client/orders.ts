/** What the caller can order in option mode. */
import type { Option } from '@nbdjs/protocol';

export type Order =
  | { readonly option: typeof Option.List }
  | { readonly option: typeof Option.StartTls }
  | { readonly option: typeof Option.StructuredReply }
  | { readonly option: typeof Option.ExtendedHeaders }
  | { readonly option: typeof Option.Abort }
  | { readonly option: typeof Option.Info; readonly exportName: string }
  | { readonly option: typeof Option.Go; readonly exportName: string }
  | {
      readonly option: typeof Option.ListMetaContext | typeof Option.SetMetaContext;
      readonly exportName: string;
      readonly queries: readonly string[];
    };

/** Orders after which the handshake is in option mode again, so that another one may follow. */
export type RepeatableOrder = Exclude<Order, { readonly option: typeof Option.Go | typeof Option.Abort }>;
