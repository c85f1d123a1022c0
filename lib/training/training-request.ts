import type { ModelCard } from "../contract/model-card";
import type { EpochRecord } from "./checkpoint";
import type { SplitChoice } from "./choose-split";
import type { SipakmedVariant } from "./data-set";
import type { Leakage } from "./leakage";
import type { UnreadableImage } from "./prepared-samples";
import type { TrainingRun } from "./training-run";
import type { TrainingSettings } from "./training-settings";

export interface TrainingJob extends SplitChoice {
  readonly data: string;
  readonly variant?: SipakmedVariant | undefined;
  readonly network: string;
  readonly settings: TrainingSettings;
  /** Folder for the model, the checkpoint and training.html. */
  readonly out: string;
  /** The model's name on its card; by default the network's. */
  readonly name?: string | undefined;
  /** What to begin from: "none", "imagenet", a checkpoint or a model folder; see `initialWeights`. */
  readonly weights?: string | undefined;
  readonly newHead?: boolean | undefined;
  /** Goes on with a run in `out` that was planned for fewer epochs. */
  readonly prolong?: boolean | undefined;
  /** Looks for validation images that the training images know; unless told otherwise. */
  readonly leakCheck?: boolean | undefined;
  readonly skipUnreadable?: boolean | undefined;
  /** Model folder of a U-Net whose mask takes the place of Otsu's. */
  readonly maskModel?: string | undefined;
  /** Divides the logits by the temperature that suits the validation images best. */
  readonly calibrate?: boolean | undefined;
  readonly threads?: number | undefined;
  /** The command line, for the card. */
  readonly command?: string | undefined;
  readonly description?: string | undefined;
  /** Receives what was made of the data's folders, before anything else. */
  readonly onNote?: ((note: string) => void) | undefined;
  readonly onStep?: TrainingRun["onStep"];
  readonly onEpoch?: ((record: EpochRecord) => void) | undefined;
  readonly onImages?: ((done: number, total: number) => void) | undefined;
}

export interface TrainedModel {
  readonly folder: string;
  readonly card: ModelCard;
  readonly history: readonly EpochRecord[];
  readonly bestEpoch: number;
  readonly resumedAfterEpoch: number;
  readonly trainingImages: number;
  readonly validationImages: number;
  readonly unreadable: readonly UnreadableImage[];
  readonly leakage: Leakage | undefined;
}
