/**
 * A whole export as a stream, as a process of its own: `stream-load.mjs URI [OPTIONS]`, the options being those of `createReadStream`, as
 * JSON.
 *
 * Plain JavaScript, so that no compiler is loaded within the time that is measured.
 */
import { connect } from '@nbdjs/client';

const [uri = '', options = '{"requests":"auto"}'] = process.argv.slice(2);
const source = await connect(uri, { contexts: [] });
let bytes = 0n;
for await (const chunk of source.createReadStream(JSON.parse(options))) bytes += BigInt(chunk.length);
if (bytes !== source.geometry.size) throw new Error(`the stream has ${bytes} bytes, expected ${source.geometry.size}`);
await source.close();
