/**
 * The sections of the specification that errors name beside the rule that was broken.
 *
 * Written by `pnpm generate` from docs/conformance.json, for the rules that errors cite; do not edit.
 */

/** The heading of a section; two where each phase has its own. */
type Section = string | { readonly handshake: string; readonly transmission: string };

export const ruleSections: Readonly<Record<string, Section>> = {
  G2: 'Conventions',
  G4: {
    handshake: 'Termination of the session during option haggling',
    transmission: 'Terminating the transmission phase',
  },
  G6: {
    handshake: 'Termination of the session during option haggling',
    transmission: 'Block size constraints',
  },
  C4: 'Fixed newstyle negotiation',
  C18: 'Fixed newstyle negotiation',
  C34: 'Option types',
  C40: 'Transmission',
  C51: 'Structured reply types',
  C52: 'Structured reply types',
  C54: 'Request types',
  C56: 'Structured reply chunk message',
  C63: 'Request message',
  C68: 'Extended reply chunk message',
  C69: 'Extended reply chunk message',
  C72: 'Structured reply types',
  S1: 'Handshake flags',
  S2: 'Client flags',
  S3: 'Baseline',
  S5: 'Option types',
  S6: 'Option types',
  S7: 'Option reply types',
  S10: 'Option types',
  S12: 'Option types',
  S13: 'Block size constraints',
  S19: 'Option types',
  S20: 'FORCEDTLS mode',
  S22: 'Server-side requirements',
  S25: 'FORCEDTLS mode',
  S26: 'FORCEDTLS mode',
  S29: 'Option types',
  S33: 'Option types',
  S68: 'Option types',
  S72: 'Request message',
};
