import { extremumGradient } from "../emission/extremum";

/** y = the elementwise minimum of all inputs, with broadcasting; inputs that tie share the gradient evenly. */
export const minGradient = extremumGradient;
