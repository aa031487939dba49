/** Whether a server still serves others, after what was done to it. */

import { requireInStep } from '../checks/answers.ts';
import type { Examination } from '../examination/examination.ts';
import { Fault, HungUp, Unreachable } from '../examination/outcomes.ts';

/** Requires that a new client is served. */
export async function requireAlive(examination: Examination): Promise<void> {
  try {
    const haggling = await examination.haggle();
    await requireInStep(haggling);
  } catch (error) {
    if (!(error instanceof Unreachable || error instanceof HungUp)) throw error;
    throw new Fault(`afterwards no client is served any more: ${error.message}`, { level: 'MUST', rule: 'G4' });
  }
}

/** Does something now, and throws what comes of it later. */
export async function settled(act: () => Promise<void>): Promise<() => void> {
  try {
    await act();
    return () => {};
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
