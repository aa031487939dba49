/**
 * Archives whose members are stored in one piece each: a member is a slice of the archive.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';
export { type IsoFile, type IsoOptions, listIsoFiles, openIsoFile } from './iso.ts';
export { listTarMembers, looksLikeTar, openTarMember, type TarMember, type TarOptions } from './tar.ts';
