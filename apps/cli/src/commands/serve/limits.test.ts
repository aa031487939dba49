import { type GivenLimits, serverLimits } from '@nbdjs/server';
import { describe, expect, it } from 'vitest';
import { parseSize } from '../../options/size.ts';
import { limitOptions, ownDefaults } from './limits.ts';

describe('the help of limits', () => {
  const settled = serverLimits.resolve('limits', {});

  it.each(limitOptions)('$flags has the defaults of the server', ({ unit, names, help }) => {
    const [, text = ''] = /\(default: (\w+)/.exec(help) ?? [];
    const shown = Number(parseSize(text, 'the default')) * (unit === 'seconds' ? 1000 : 1);
    const defaults: GivenLimits = { ...settled, ...ownDefaults };
    for (const name of names) expect(defaults[name], name).toBe(shown);
  });

  it.each(limitOptions)('$flags may be 0 where the server takes 0', ({ names, least = 0 }) => {
    const takesZero = names.every((name) => serverLimits.definitions[name].zero !== undefined);
    expect(least === 0).toBe(takesZero);
  });
});
