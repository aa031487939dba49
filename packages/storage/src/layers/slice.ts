/** A part of a device, as a device: images need it, too, so that it is in the kit. */
export { createSliceLayer, type SliceOptions } from '@nbdjs/kit';
