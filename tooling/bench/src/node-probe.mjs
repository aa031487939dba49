/**
 * Loaded into a Node program by `--import`, it counts while its parent wants: the parent sends `begin` and `end`, and is sent
 * the counters. The channel does not keep the program alive.
 */
import { beginCounting } from './node-counters.mjs';

let endCounting = beginCounting();

process.on('message', (message) => {
  if (message === 'begin') endCounting = beginCounting();
  else if (message === 'end') process.send?.(endCounting());
});
process.channel?.unref();
