import { UsageError } from '@nbdjs/interfaces';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { defineOptions, type OptionsOf, optionGroup, type SettingsOf } from './define-options.ts';
import { option } from './option.ts';
import { optionChecks } from './option-checks.ts';

interface Clock {
  now(): number;
}
const clock: Clock = { now: () => 0 };

const limits = defineOptions({
  idleMs: option.wholeMilliseconds({ default: 0, zero: 'no limit', doc: 'How long a client may ask for nothing.' }),
  clientsMax: option.count({ default: 1024, doc: 'Clients at a time.' }),
  payloadBytesMax: option.bytes({ default: 1024, most: 4096, doc: 'The longest payload.' }),
});

const all = defineOptions({
  clock: option.object<Clock>({ default: clock, defaultText: "the system's clock", doc: 'The time.' }),
  closeMs: option.milliseconds({ default: 10_000, zero: 'at once', doc: 'How long to wait for the peer.' }),
  pauseMs: option.milliseconds({ default: 5, doc: 'How long to wait between two attempts.' }),
  depth: option.powerOfTwoBytes({ zero: 'none', least: 512, doc: 'A size.' }),
  journal: option.checked<boolean | { bytesMax: number }>(
    optionChecks.either(optionChecks.boolean, optionChecks.object),
    {
      default: true,
      doc: 'Whether writes are kept.',
    },
  ),
  limits: optionGroup(limits, { doc: 'Bounds.' }),
  mode: option.oneOf(['simple', 'extended'], { default: 'extended', doc: 'The reply mode.' }),
  name: option.text({ doc: 'A name.' }),
  onEvent: option.callback<(event: string) => void>({ doc: 'Called for each event.' }),
  target: option.text({ required: true, doc: 'The target.' }),
});

const error = (message: string) => expect.objectContaining({ code: 'ERR_NBD_ARGUMENT', message });

describe('the settings of a set of options', () => {
  it('are the defaults where nothing is given', () => {
    expect(limits.resolve('serve', undefined)).toEqual({ idleMs: 0, clientsMax: 1024, payloadBytesMax: 1024 });
    expect(limits.resolve('serve', { idleMs: undefined })).toEqual(limits.resolve('serve', {}));
  });

  it('have what was given, and every name in the order of the definitions', () => {
    const settings = all.resolve('open', {
      target: 'a',
      mode: 'simple',
      limits: { idleMs: 5 },
      journal: { bytesMax: 1 },
    });
    expect(settings).toEqual({
      clock,
      closeMs: 10_000,
      pauseMs: 5,
      depth: undefined,
      journal: { bytesMax: 1 },
      limits: { idleMs: 5, clientsMax: 1024, payloadBytesMax: 1024 },
      mode: 'simple',
      name: undefined,
      onEvent: undefined,
      target: 'a',
    });
    expect(Object.keys(settings)).toEqual(all.names);
  });

  it('are frozen, those of a group too', () => {
    const settings = all.resolve('open', { target: 'a' });
    expect(Object.isFrozen(settings)).toBe(true);
    expect(Object.isFrozen(settings.limits)).toBe(true);
  });

  it.each([
    [{ depth: 0 }, 0],
    [{ depth: 512 }, 512],
    [{ depth: 1024 }, 1024],
  ])('%o is taken', (given, depth) => expect(all.resolve('open', { ...given, target: 'a' }).depth).toBe(depth));

  it.each<[unknown, string]>([
    [null, 'open: options are null, expected an object'],
    [5, 'open: options are 5, expected an object'],
    [{}, 'open: target is missing, expected a string'],
    [{ target: 5 }, 'open: target is 5, expected a string'],
    [{ targt: 'a' }, "open: unknown option 'targt' (did you mean 'target'?)"],
    [{ toString: 'a' }, "open: unknown option 'toString'"],
    [{ closeMs: -1 }, 'open: closeMs is -1, expected a number of milliseconds from 0 on'],
    [{ closeMs: Number.NaN }, 'open: closeMs is NaN, expected a number of milliseconds from 0 on'],
    [{ closeMs: Infinity }, 'open: closeMs is Infinity, expected a number of milliseconds from 0 on'],
    [{ closeMs: '5' }, "open: closeMs is '5', expected a number of milliseconds from 0 on"],
    [{ pauseMs: 0 }, 'open: pauseMs is 0, expected a number of milliseconds above 0'],
    [{ depth: 513 }, 'open: depth is 513, expected 0 or a power of two from 512 on'],
    [{ depth: 256 }, 'open: depth is 256, expected 0 or a power of two from 512 on'],
    [{ journal: 'on' }, "open: journal is 'on', expected true or false, or an object"],
    [{ limits: 5 }, 'open: limits is 5, expected an object'],
    [{ limits: { idleMs: 0.5 } }, 'open: limits: idleMs is 0.5, expected a whole number from 0 on'],
    [{ limits: { clientsMax: 0 } }, 'open: limits: clientsMax is 0, expected a whole number from 1 on'],
    [{ limits: { clientsMax: 2 ** 53 } }, `open: limits: clientsMax is ${2 ** 53}, expected a whole number from 1 on`],
    [
      { limits: { payloadBytesMax: 4097 } },
      'open: limits: payloadBytesMax is 4097, expected a whole number from 1 to 4096',
    ],
    [{ limits: { idlMs: 1 } }, "open: limits: unknown option 'idlMs' (did you mean 'idleMs'?)"],
    [{ mode: 'odd' }, "open: mode is 'odd', expected 'simple' or 'extended'"],
    [{ onEvent: {} }, 'open: onEvent is an object, expected a function'],
  ])('cannot come from %o', (given, message) => {
    const resolve = () => all.resolve('open', given as OptionsOf<typeof all>);
    expect(resolve).toThrow(UsageError);
    expect(resolve).toThrow(error(message));
  });
});

describe('a set of options', () => {
  it('takes its own options out of a larger object', () => {
    const more = { idleMs: 1, clientsMax: undefined, mode: 'simple' };
    expect(limits.pick(more)).toEqual({ idleMs: 1 });
  });

  it('is put together from others', () => {
    const both = defineOptions({ ...limits.definitions, name: option.text({ default: 'x', doc: 'A name.' }) });
    expect(both.names).toEqual(['idleMs', 'clientsMax', 'payloadBytesMax', 'name']);
    expect(both.resolve('serve', { idleMs: 1 })).toEqual({
      idleMs: 1,
      clientsMax: 1024,
      payloadBytesMax: 1024,
      name: 'x',
    });
  });

  it('has entries for documentation', () => {
    expect(limits.entries[0]).toEqual({
      name: 'idleMs',
      kind: 'milliseconds',
      unit: 'ms',
      zero: 'no limit',
      isRequired: false,
      default: 0,
      defaultText: undefined,
      expected: 'a whole number from 0 on',
      doc: 'How long a client may ask for nothing.',
      members: undefined,
    });
    expect(all.entries.map(({ name }) => name)).toEqual(all.names);
    expect(all.entries.find(({ name }) => name === 'limits')?.members).toEqual(limits.entries);
  });

  it('cannot have a default that it would refuse', () => {
    expect(() => option.count({ default: 0, doc: '' })).toThrow(
      error('a default is 0, expected a whole number from 1 on'),
    );
  });
});

describe('the types', () => {
  it('of what is given: all optional, but those that are required', () => {
    expectTypeOf<OptionsOf<typeof limits>>().toEqualTypeOf<{
      readonly idleMs?: number | undefined;
      readonly clientsMax?: number | undefined;
      readonly payloadBytesMax?: number | undefined;
    }>();
    type Given = OptionsOf<typeof all>;
    expectTypeOf<Given['mode']>().toEqualTypeOf<'simple' | 'extended' | undefined>();
    expectTypeOf<Given['target']>().toEqualTypeOf<string>();
    expectTypeOf<Given['limits']>().toEqualTypeOf<OptionsOf<typeof limits> | undefined>();
    expectTypeOf<{ target: string }>().toExtend<Given>();
    expectTypeOf<{ name: string }>().not.toExtend<Given>();
  });

  it('of settings: undefined only where there is no default', () => {
    expectTypeOf<SettingsOf<typeof limits>>().toEqualTypeOf<{
      readonly idleMs: number;
      readonly clientsMax: number;
      readonly payloadBytesMax: number;
    }>();
    type Settings = SettingsOf<typeof all>;
    expectTypeOf<Settings['clock']>().toEqualTypeOf<Clock>();
    expectTypeOf<Settings['mode']>().toEqualTypeOf<'simple' | 'extended'>();
    expectTypeOf<Settings['name']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<Settings['onEvent']>().toEqualTypeOf<((event: string) => void) | undefined>();
    expectTypeOf<Settings['target']>().toEqualTypeOf<string>();
    expectTypeOf<Settings['limits']>().toEqualTypeOf<SettingsOf<typeof limits>>();
    expectTypeOf<Settings['journal']>().toEqualTypeOf<boolean | { bytesMax: number }>();
  });

  it('of names: literals', () => {
    expectTypeOf<(typeof limits.names)[number]>().toEqualTypeOf<'idleMs' | 'clientsMax' | 'payloadBytesMax'>();
  });

  it('of a default: one of the words', () => {
    // @ts-expect-error 'odd' is none of them
    expect(() => option.oneOf(['a', 'b'], { default: 'odd', doc: '' })).toThrow(UsageError);
  });
});
