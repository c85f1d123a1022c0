import { ModelError } from "../contract/errors";
import type { CompleteMethod } from "../contract/methods";

/** Reasons of the model alone: they hold for every image. What someone asked for wrongly is not among them. */
const reasonsOfModel =
  /^(autodiff\.(?!unknown-name)|model\.(no-feature-map|unsupported-(operator|opset|type)|unknown-type)$)/;

/** Methods that a model leaves no way to: it still classifies, and each answer says why they are not there. */
export class LeftOutMethods {
  private readonly reasons = new Map<CompleteMethod["name"], string>();

  /** What the method answers; undefined where the model cannot be explained by it. */
  async attempt<Answer>({ name }: CompleteMethod, work: () => Promise<Answer>): Promise<Answer | undefined> {
    if (this.reasons.has(name)) return undefined;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ModelError && reasonsOfModel.test(error.code))) throw error;
      this.reasons.set(name, `${name} is left out: ${error.message}`);
      return undefined;
    }
  }

  get sentences(): string[] {
    return [...this.reasons.values()];
  }
}
