/** What a thread that makes requests of a device says. */

/** `last`: all requests but the last one have succeeded, and that one is made now. */
export type ThreadReport =
  | { readonly type: 'last' }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly message: string; readonly errno: number; readonly code: string };
