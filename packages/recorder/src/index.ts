/**
 * Listening to NBD sessions: a transparent proxy with faults, recordings in files, traces, statistics and replay.
 *
 * @packageDocumentation
 */

export * from './core/index.ts';
export { createRecordingFile, type RecordingFile, readRecordingFile } from './files/recording-file.ts';
