import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { EventTable, Trace } from '@nbdjs/interfaces';
import { describe, expect, it, vi } from 'vitest';
import { diagnosticsTrace } from './diagnostics.ts';

describe('a trace on diagnostics channels', () => {
  it('publishes each event on the channel of its package and name', () => {
    const trace = diagnosticsTrace({ packageName: 'fruit', names: ['picked', 'eaten'] });
    const seen = vi.fn();
    subscribe('nbdjs:fruit:eaten', seen);
    trace.emit('picked', { of: 'apples' });
    trace.emit('eaten', { of: 'pears' });
    unsubscribe('nbdjs:fruit:eaten', seen);
    expect(seen.mock.calls).toEqual([[{ of: 'pears' }, 'nbdjs:fruit:eaten']]);
  });

  it('is enabled while one of its events has a subscriber', () => {
    const trace = diagnosticsTrace({ packageName: 'fruit', names: ['picked', 'eaten'] });
    const ignore = (): void => {};
    expect(trace.enabled).toBe(false);
    subscribe('nbdjs:fruit:eaten', ignore);
    expect(trace.enabled).toBe(true);
    unsubscribe('nbdjs:fruit:eaten', ignore);
    expect(trace.enabled).toBe(false);
  });

  it('drops an event that it has no channel for', () => {
    const trace: Trace = diagnosticsTrace<EventTable>({ packageName: 'fruit', names: ['picked'] });
    const seen = vi.fn();
    subscribe('nbdjs:fruit:thrown', seen);
    trace.emit('thrown', {});
    unsubscribe('nbdjs:fruit:thrown', seen);
    expect(seen).not.toHaveBeenCalled();
    expect(channel('nbdjs:fruit:thrown').hasSubscribers).toBe(false);
  });
});
