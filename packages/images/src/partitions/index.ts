/**
 * Partition tables: GPT, and MBR with its logical partitions, as data and as devices.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';
export { findPartition, listPartitions, openPartition, type PartitionOptions } from './list-partitions.ts';
export type { Partition, PartitionTable } from './partition-table.ts';
