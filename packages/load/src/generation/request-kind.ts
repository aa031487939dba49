/** What a request does. */
export type RequestKind = 'read' | 'write' | 'trim' | 'zero' | 'flush';

/** All kinds, in the order of reports. */
export const requestKinds: readonly RequestKind[] = ['read', 'write', 'trim', 'zero', 'flush'];
