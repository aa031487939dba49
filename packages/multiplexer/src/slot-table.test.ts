import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Request, requestOf } from './request.ts';
import { SlotTable } from './slot-table.ts';

const make = () => requestOf(0, 0, 0n, 1n);

describe('slot table', () => {
  it('C40: finds what is in flight by its cookie, and nothing else', () => {
    const actions = fc.array(fc.oneof(fc.constant('put' as const), fc.nat(50)), { maxLength: 200 });
    fc.assert(
      fc.property(actions, (list) => {
        const slots = new SlotTable();
        const inFlight: Request[] = [];
        const gone: (readonly [high: number, low: number])[] = [];
        for (const action of list) {
          if (action === 'put') {
            const request = make();
            slots.put(request);
            inFlight.push(request);
          } else if (inFlight.length > 0) {
            const [request] = inFlight.splice(action % inFlight.length, 1) as [Request];
            gone.push([request.cookieHigh, request.slot]);
            slots.remove(request);
            expect(request.slot).toBe(-1);
          }
          expect(slots.count).toBe(inFlight.length);
          for (const request of inFlight) expect(slots.find(request.cookieHigh, request.slot)).toBe(request);
          for (const [high, low] of gone) expect(slots.find(high, low)).toBeUndefined();
        }
        expect(new Set(slots.all())).toEqual(new Set(inFlight));
        expect(slots.clear()).toEqual(inFlight);
        expect(slots.count).toBe(0);
      }),
    );
  });

  it('C40: numbers out of range find nothing', () => {
    const slots = new SlotTable();
    slots.put(make());
    for (const low of [1, 2 ** 31, 2 ** 32 - 1]) expect(slots.find(1, low)).toBeUndefined();
    for (const high of [0, 2, 2 ** 32 - 1]) expect(slots.find(high, 0)).toBeUndefined();
  });
});
