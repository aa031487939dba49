/** How `nbd demo` is used. */
import type { Usage } from '../../options/usage.ts';

export const usage: Usage = {
  details: ['Serves a small image, and copies, dumps and maps it, with the commands that do this.'],
  examples: [{ line: 'nbd demo', what: 'a first look' }],
};
