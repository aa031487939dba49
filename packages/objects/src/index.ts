/**
 * Block devices over object stores: a disk that is cut into objects, with one writer at a time, snapshots and clones. Pure: it is given a
 * store, a clock and random numbers. The suite for authors of stores is `@nbdjs/objects/conformance`.
 *
 * @packageDocumentation
 */
export * from './core/index.ts';
