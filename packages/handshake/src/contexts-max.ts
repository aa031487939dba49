/** The limit that both halves of the handshake have. */
import { option } from '@nbdjs/kit';

export const contextsMax = option.count({ default: 1024, doc: 'Metadata contexts in one selection or list.' });
