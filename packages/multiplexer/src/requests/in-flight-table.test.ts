import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InFlightTable } from './in-flight-table.ts';
import { type Request, requestOf } from './request.ts';

const make = () => requestOf(0, 0, 0n, 1n);

describe('in-flight table', () => {
  it('C40: finds what is in flight by its cookie, and nothing else', () => {
    const actions = fc.array(fc.oneof(fc.constant('put' as const), fc.nat(50)), { maxLength: 200 });
    fc.assert(
      fc.property(actions, (list) => {
        const table = new InFlightTable();
        const inFlight: Request[] = [];
        const gone: (readonly [high: number, low: number])[] = [];
        for (const action of list) {
          if (action === 'put') {
            const request = make();
            table.put(request);
            inFlight.push(request);
          } else if (inFlight.length > 0) {
            const [request] = inFlight.splice(action % inFlight.length, 1) as [Request];
            gone.push([request.cookieHigh, request.slot]);
            table.remove(request);
            expect(request.slot).toBe(-1);
          }
          expect(table.count).toBe(inFlight.length);
          for (const request of inFlight) expect(table.find(request.cookieHigh, request.slot)).toBe(request);
          for (const [high, low] of gone) expect(table.find(high, low)).toBeUndefined();
        }
        expect(new Set(table.all())).toEqual(new Set(inFlight));
        expect(table.clear()).toEqual(inFlight);
        expect(table.count).toBe(0);
      }),
    );
  });

  it('C40: numbers out of range find nothing', () => {
    const table = new InFlightTable();
    table.put(make());
    for (const low of [1, 2 ** 31, 2 ** 32 - 1]) expect(table.find(1, low)).toBeUndefined();
    for (const high of [0, 2, 2 ** 32 - 1]) expect(table.find(high, 0)).toBeUndefined();
  });
});
