/**
 * Every word on the NBD wire: constants, codecs for both directions, and the NBD URI. No sockets, no clocks, no promises.
 *
 * @packageDocumentation
 */
export * from './constants.ts';
export * from './magic.ts';
export { flagNames, type NameTable, nameTable } from './name-table.ts';
export * from './uri.ts';
export * from './wire-error.ts';
