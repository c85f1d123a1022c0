/** How pixels become network input: (pixel × scale − mean) / std, a channel each; pixels are 0 to 255. */
export interface Normalisation {
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Mean and standard deviation of ImageNet's pixels, as torchvision's pretrained networks take them; red, green, blue. */
export const imageNetNormalisation: Normalisation = {
  scale: 1 / 255,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};
