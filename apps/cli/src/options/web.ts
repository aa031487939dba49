/** Options about servers behind a URL of WebSocket or HTTP. */
import { Option } from '@commander-js/extra-typings';
import type { OptionsOf } from './command-context.ts';
import { optionGroup } from './option-group.ts';
import { gather } from './size.ts';

export type WebClientOptions = OptionsOf<typeof webClientOptions>;

/** Options of a command that connects to servers. */
export function webClientOptions() {
  return optionGroup()
    .option('--token-file <file>', 'file whose first line is the token for ws, wss, http and https')
    .option('--header <name:value>', 'send this header to ws, wss, http and https (repeatable)', gather)
    .addOption(
      new Option(
        '--http-method <method>',
        'the method of the request for an upgrade by http and https (default: GET)',
      ).choices(['GET', 'POST'] as const),
    );
}
