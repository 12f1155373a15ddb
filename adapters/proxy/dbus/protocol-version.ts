/**
 * Of what is said at the control socket (control-protocol.ts): grows with every change of it, or of what a process does with it that a controller
 * builds on. A process of another is replaced.
 */
export const protocolVersion = '1';
