/** A thread that compresses clusters of an image. */
import { serveCompression } from '@nbdjs/images/node';

serveCompression();
