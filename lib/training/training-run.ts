import type { NetworkDefinition } from "../networks/network";
import type { Tensor } from "../onnx/model";
import type { EpochRecord } from "./checkpoint";
import type { TrainingIdentity } from "./training-identity";
import type { SampleSource } from "./sample-source";
import type { TrainingSettings } from "./training-settings";

/** What is trained, on what, and how. */
export interface TrainingRun {
  readonly network: NetworkDefinition;
  readonly classes: readonly string[];
  /** Weights to begin with; they are not changed. */
  readonly weights: ReadonlyMap<string, Tensor>;
  readonly train: SampleSource;
  readonly validation: SampleSource;
  readonly settings: TrainingSettings;
  /** The class of each training sample; needed where classes are drawn otherwise than as often as they occur. */
  readonly labels?: ArrayLike<number> | undefined;
  /** Names settings and data together: a checkpoint of another fingerprint is refused. */
  readonly fingerprint: string;
  /** What the fingerprint is of, to name what differs. */
  readonly identity?: TrainingIdentity | undefined;
  /** Whether a checkpoint of a run that differs in its number of epochs alone is gone on with. */
  readonly prolong?: boolean | undefined;
  readonly checkpointFile?: string | undefined;
  readonly classWeights?: readonly number[] | undefined;
  /** For segmentation: adds the Dice term to the loss. */
  readonly dice?: boolean | undefined;
  readonly threads?: number | undefined;
  readonly onStep?: ((progress: { epoch: number; step: number; steps: number; loss: number }) => void) | undefined;
  readonly onEpoch?: ((history: readonly EpochRecord[]) => Promise<void> | void) | undefined;
}
