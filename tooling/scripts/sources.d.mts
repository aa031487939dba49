export function sourcesOf(folder: string): string[];
export function stamp(folder: string, what: 'program' | 'declarations'): void;
export function isFresh(folder: string, what: 'program' | 'declarations'): boolean;
