/** What the caller can wish for in option mode. */
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

/** Those that end where they began: in option mode. */
export type Errand = Exclude<Order, { readonly option: typeof Option.Go | typeof Option.Abort }>;
