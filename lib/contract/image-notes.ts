/** How the warning begins that an image is of one colour: a batch counts these. */
export const nearlyUniform = "nearly uniform";
