export function sourcesOf(folder: string): string[];
export function stamp(folder: string, what: 'program' | 'declarations', included?: readonly string[]): void;
export function isFresh(folder: string, what: 'program' | 'declarations'): boolean;
export function knowsIncluded(folder: string): boolean;
