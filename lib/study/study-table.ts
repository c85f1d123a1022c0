/** The networks and image sets of the study, and what it reports for them: top-1 accuracy on the test part, per cent. */
export const studyFigures: readonly {
  readonly network: StudyNetwork;
  readonly variant: StudyVariant;
  readonly top1: number;
}[] = [
  { network: "resnet50", variant: "full", top1: 85.15 },
  { network: "resnet50", variant: "cropped", top1: 95.11 },
  { network: "resnet50", variant: "masked", top1: 86.13 },
  { network: "ran92", variant: "full", top1: 84.16 },
  { network: "densenet121", variant: "full", top1: 89.11 },
  { network: "densenet121", variant: "cropped", top1: 95.84 },
  { network: "densenet121", variant: "masked", top1: 90.1 },
  { network: "densenet121-rca", variant: "full", top1: 91.09 },
  { network: "densenet121-rca", variant: "cropped", top1: 96.33 },
  { network: "densenet121-rca", variant: "masked", top1: 87.13 },
];
/** ResNet50 trained on cropped cells, on the smear set. */
const studyGeneralisationTop1 = 57.61;

export const studyNetworks = ["resnet50", "ran92", "densenet121", "densenet121-rca"] as const;
export const studyVariants = ["full", "cropped", "masked"] as const;
export type StudyNetwork = (typeof studyNetworks)[number];
export type StudyVariant = (typeof studyVariants)[number];

export interface StudyResult {
  readonly network: StudyNetwork;
  /** The catalogue's network that was trained in its place. */
  readonly trained: string;
  readonly variant: StudyVariant | "generalisation";
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
  readonly macroF1: number;
  readonly testImages: number;
  readonly minutes: number;
  /** What the test part shares with the training part, in a sentence; absent where nothing was found. */
  readonly leakage?: string | undefined;
}

export interface StudyReport {
  readonly phantom: boolean;
  /** Whether the images are SIPaKMeD's, by the layout of their folder. */
  readonly sipakmed: boolean;
  readonly preset: string;
  readonly data: string;
  readonly size: number;
  readonly epochs: number;
  readonly results: readonly StudyResult[];
  /** File names of the explanation figures, beside the page. */
  readonly figures: readonly { readonly file: string; readonly caption: string }[];
}

export function paperFigure(network: StudyNetwork, variant: StudyResult["variant"]): number | undefined {
  if (variant === "generalisation") return network === "resnet50" ? studyGeneralisationTop1 : undefined;
  return studyFigures.find((figure) => figure.network === network && figure.variant === variant)?.top1;
}
