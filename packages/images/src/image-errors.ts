/** The errors of images. */
import { UsageError } from '@nbdjs/interfaces';

/**
 * An image that cannot be opened because it is damaged, or hostile: another image has to be given.
 *
 * @param place where in the image it is, such as `the header at byte 0`
 * @param message what was expected, and what was found
 */
export function damagedImage(place: string, message: string): UsageError {
  return new UsageError('ERR_NBD_IMAGE', `the image is damaged: ${place}: ${message}`);
}

/** An image that is right, as far as we know, but needs what we do not have. */
export function unsupportedImage(message: string): UsageError {
  return new UsageError('ERR_NBD_NOT_SUPPORTED', message);
}

/** The longest part of a name that messages show, in characters. */
const nameMax = 200;

/** A name from an image, as a message can show it: in quotes, on one line, and not too long. */
export function quoted(name: string): string {
  const line = name.replace(/\p{Cc}/gu, ' ');
  return line.length > nameMax ? `'${line.slice(0, nameMax)}...'` : `'${line}'`;
}
