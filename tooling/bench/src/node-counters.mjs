/**
 * What Node counts of its own process. Plain JavaScript, because it is also loaded into programs that run as they are published,
 * without a compiler.
 */
import { GCProfiler } from 'node:v8';

/**
 * Begins to count, and returns the function that ends it.
 *
 * Bytes allocated are what the heap holds more at the end, and what each collection in between has freed: V8 says how much was in use
 * before and after each. That is exact to the page of 256 KiB that V8 hands out at a time; concurrent sweeping can move some bytes
 * from one collection to the next, but loses none. Memory of buffers outside of the heap is not in it.
 *
 * @returns {() => import('./node-counters.d.mts').NodeCounters}
 */
export function beginCounting() {
  const profiler = new GCProfiler();
  const before = performance.eventLoopUtilization();
  const usedBefore = process.memoryUsage().heapUsed;
  profiler.start();
  return () => {
    const { statistics } = profiler.stop();
    const usedAfter = process.memoryUsage().heapUsed;
    const freed = statistics.map(
      ({ beforeGC, afterGC }) => beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize,
    );
    return {
      collections: statistics.length,
      collectionMs: statistics.reduce((sum, { cost }) => sum + cost, 0) / 1000,
      heapBytesAllocated: freed.reduce((sum, bytes) => sum + bytes, usedAfter - usedBefore),
      busyShare: performance.eventLoopUtilization(before).utilization,
    };
  };
}
