/** The options of a multiplexer. They are resolved once, into frozen settings that are handed on whole. */
import { type Clock, type Connector, type Defer, silent, type Trace } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, type SettingsOf } from '@nbdjs/kit';
import { type DeviceOptions, deviceOptions } from './device-options.ts';
import type { MultiplexerEvents } from './events.ts';

/** What a multiplexer is made of. */
const parts = {
  /** Where connections come from. The multiplexer owns it: it is released with it. */
  connector: option.object<Connector>({
    required: true,
    doc: 'Where connections come from. The multiplexer owns it: it is released with it.',
  }),
  /** The time that all delays and limits are counted in. */
  clock: option.object<Clock>({ required: true, doc: 'The time that all delays and limits are counted in.' }),
  /**
   * When requests that were issued together leave together. Best is a moment after all promise continuations have run
   * (`process.nextTick`): then all that the replies of one delivery wake share one write.
   */
  defer: option.callback<Defer>({
    required: true,
    doc:
      'When requests that were issued together leave together. Best is a moment after all promise continuations have run ' +
      '(`process.nextTick`): then all that the replies of one delivery wake share one write.',
  }),
  /**
   * The event loop's next turn, after input that has arrived already (`setImmediate`). With it, long payloads leave only then, and
   * while many requests are in flight and replies stream in, requests wait for others to share their write. Busy polling needs it too.
   * @default none: nothing waits, and nothing is polled
   */
  nextTurn: option.callback<Defer>({
    defaultText: 'none: nothing waits, and nothing is polled',
    doc:
      "The event loop's next turn, after input that has arrived already (`setImmediate`). With it, long payloads leave only " +
      'then, and while many requests are in flight and replies stream in, requests wait for others to share their write. ' +
      'Busy polling needs it too.',
  }),
  /** Where events are published, see `docs/events.md`. @default nowhere */
  trace: option.object<Trace<MultiplexerEvents>>({
    default: silent,
    defaultText: 'nowhere',
    doc: 'Where events are published, see `docs/events.md`.',
  }),
} as const;

export const multiplexerOptions = defineOptions({ ...parts, ...deviceOptions.definitions });

interface Parts extends OptionsOf<{ readonly definitions: typeof parts }> {}

/** What a multiplexer is made of, and how its device behaves. */
export interface MultiplexerOptions extends Parts, DeviceOptions {}

export interface MultiplexerSettings extends SettingsOf<typeof multiplexerOptions> {}

/** @throws UsageError naming the option that is unknown, wrong or missing. */
export function resolveSettings(options: MultiplexerOptions): MultiplexerSettings {
  return multiplexerOptions.resolve('createMultiplexer', options);
}
