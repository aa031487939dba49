/** Which runtime this is. */

/**
 * Whether this is Node itself. Deno and Bun have Node's modules, but their sockets neither read into memory that the caller names
 * (`onread`), nor have a descriptor that can be handed to another thread.
 */
export const isNode: boolean = process.versions.deno === undefined && process.versions.bun === undefined;
