/** Real peers are processes that have to start first, and the machine may be busy with others. */
import { expect, vi } from 'vitest';

if (expect.getState().testPath?.endsWith('.peers.test.ts')) vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
