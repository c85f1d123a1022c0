import { extremumGradient } from "../emission/extremum";

/** y = the elementwise maximum of all inputs, with broadcasting; inputs that tie share the gradient evenly. */
export const maxGradient = extremumGradient;
