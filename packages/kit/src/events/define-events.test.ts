import type { Trace } from '@nbdjs/interfaces';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { defineEvents, type EventsOf } from './define-events.ts';
import { eventField } from './event-field.ts';

const events = defineEvents('fruit', {
  picked: {
    doc: 'A fruit was picked.',
    fields: { of: eventField.oneOf(['apple', 'pear'], 'The tree.'), afterMs: eventField.milliseconds('The work.') },
  },
  'fallen-down': {
    doc: 'A fruit has fallen down.',
    fields: { error: eventField.optional(eventField.error('Why.')) },
  },
});

type FruitEvents = EventsOf<typeof events>;

describe('a set of events', () => {
  it('has its names in the order of the definitions', () => {
    expect(events.packageName).toBe('fruit');
    expect(events.names).toEqual(['picked', 'fallen-down']);
  });

  it('describes each field', () => {
    expect(events.definitions.picked.fields).toEqual({
      of: { type: "'apple', 'pear'", unit: undefined, isOptional: false, doc: 'The tree.' },
      afterMs: { type: 'number', unit: 'ms', isOptional: false, doc: 'The work.' },
    });
    expect(events.definitions['fallen-down'].fields.error).toMatchObject({ type: 'Error', isOptional: true });
  });
});

describe('the types', () => {
  it('are those of the fields, undefined where they may be absent', () => {
    expectTypeOf<FruitEvents['picked']['of']>().toEqualTypeOf<'apple' | 'pear'>();
    expectTypeOf<FruitEvents['picked']['afterMs']>().toEqualTypeOf<number>();
    expectTypeOf<object>().toExtend<FruitEvents['fallen-down']>();
    expectTypeOf<FruitEvents['fallen-down']['error']>().toEqualTypeOf<Error | undefined>();
    expectTypeOf<{ of: 'apple' }>().not.toExtend<FruitEvents['picked']>();
  });

  it('let a trace take these events only; a trace of any events fits', () => {
    expectTypeOf<Trace<FruitEvents>['emit']>().parameter(0).toEqualTypeOf<'picked' | 'fallen-down'>();
    expectTypeOf<Trace>().toExtend<Trace<FruitEvents>>();
  });
});
