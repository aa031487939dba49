/** `nbd info --map`: the extents of an export, printed as they come. */

import { UsageError } from '@nbdjs/interfaces';
import { totalExtents, walkExtentLists } from '@nbdjs/kit';
import type { ServerWords } from '../arguments/server.ts';
import { openServer, type ServerOperand } from '../open.ts';
import { mapJson, mapText, totalsJson, totalsText } from '../render/map.ts';
import type { Terminal } from '../terminal.ts';
import { leaving } from './leave-taking.ts';

export interface MapOptions extends ServerWords {
  readonly context: string;
  readonly totals: boolean;
  readonly json: boolean;
  readonly colour?: boolean | undefined;
}

/** So many lines make one piece of text: enough to be fast, and little to keep. */
const linesAtOnce = 4096;

export async function map(server: ServerOperand, options: MapOptions, terminal: Terminal): Promise<number> {
  const { context, mode, json } = options;
  const { signal } = terminal;
  const client = await openServer(server, options, terminal, { contexts: [context] });
  await using _ = leaving(client, signal);
  if (!client.abilities.contexts.includes(context)) {
    const message =
      mode === 'simple'
        ? `there is no metadata context "${context}" with --mode simple: block maps need structured replies`
        : `server does not support metadata context "${context}"`;
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', `--map: ${message}`);
  }
  const lists = ahead(walkExtentLists(client, { context, signal }));
  const colours = terminal.colours('stdout', options.colour);
  if (options.totals) {
    const { size } = client.geometry;
    const totals = await totalExtents(lists);
    await terminal.print(json ? totalsJson(context, totals, size) : totalsText(context, totals, size, colours));
    return 0;
  }
  const format = json ? mapJson(context) : mapText(context, colours);
  for await (const extents of lists) {
    for (let index = 0; index < extents.length; index += linesAtOnce) {
      await terminal.print(format.add(extents.slice(index, index + linesAtOnce)));
    }
  }
  await terminal.print(format.end());
  return 0;
}

/** Has the next item fetched while one is worked on. */
async function* ahead<Item>(source: AsyncGenerator<Item, void, void>): AsyncGenerator<Item, void, void> {
  let next = source.next();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done === true) return;
      next = source.next();
      // Whoever awaits it hears of it.
      next.catch(() => {});
      yield value;
    }
  } finally {
    void source.return();
  }
}
