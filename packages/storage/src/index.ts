/**
 * Block devices: memory, files and block devices of the system, blobs, and one that discards everything; and layers over devices. It does
 * not depend on NBD. Each folder has a door of its own (`@nbdjs/storage/memory`, ...); all but `/file` run without Node.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';
export * from './blob/index.ts';
export * from './defined/index.ts';
export * from './file/index.ts';
export * from './layers/index.ts';
export * from './memory/index.ts';
