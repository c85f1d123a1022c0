/** How a command ends: scripts depend on these. */
export const exitCodes = { done: 0, someFailed: 1, usage: 2, surroundings: 3, interrupted: 130 } as const;
