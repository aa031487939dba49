/**
 * What a device seems to hold.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';
export { type ProbedFormat, type ProbedImage, probeImage } from './probe-image.ts';
