/**
 * Load for block devices, without Node: time and histograms are passed in.
 *
 * @packageDocumentation
 */

export * from '@nbdjs/interfaces';
export type { RequestKind } from '../generation/request-kind.ts';
export type { LatencyBucket, LatencySummary } from '../measuring/latency-summary.ts';
export type { LoadEnd, LoadErrors, LoadFigures, LoadProgress, LoadReport } from '../measuring/report.ts';
export { type LoadOptions, loadOptions } from '../options.ts';
export {
  type CandidateResult,
  type CompareLoadsOptions,
  compareLoads,
  type LoadCandidate,
  type LoadRatio,
} from '../rounds/compare-loads.ts';
export { runLoadWith } from '../run-load.ts';
export type { LatencyHistogram, LoadSurroundings } from '../surroundings.ts';
export type { ContentMismatch, FoundContent } from '../verification/mismatch.ts';
