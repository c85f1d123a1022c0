import { ModelError } from "../contract/errors";
import type { RgbImage } from "../imaging/image";
import { normalise, type NetworkInput } from "../imaging/preparing/preprocess";
import { resizeBilinear } from "../imaging/preparing/resample";
import { Session } from "../inference/session";
import { readModelFolder } from "../networks/model-folder";
import { float32Tensor } from "../onnx/tensor";

/** A trained U-Net that blackens what is no cell, as the study's Otsu mask does by grey level. */
export class CellMasker {
  private constructor(
    private readonly session: Session,
    private readonly input: NetworkInput,
  ) {}

  /** @throws ModelError "mask.not-a-mask" for a model whose output is not [batch, 2, height, width] */
  static async open(folder: string): Promise<CellMasker> {
    const { bytes, card } = await readModelFolder(folder);
    if (!card.network?.startsWith("unet") || card.classes.length !== 2) {
      throw new ModelError(
        "mask.not-a-mask",
        `Expected a U-Net of two classes (background, cell) in ${folder} but received ${card.network ?? "an unnamed network"} of ${card.classes.length}`,
      );
    }
    return new CellMasker(await Session.open(bytes, { threads: 1 }), card.input);
  }

  /** The image with 0 in every pixel that the network takes for background. */
  async mask(image: RgbImage): Promise<RgbImage> {
    const foreground = await this.foreground(image);
    return {
      width: image.width,
      height: image.height,
      data: image.data.map((level, at) => (foreground[Math.floor(at / 3)] ? level : 0)),
    };
  }

  /** 1 on cells, 0 elsewhere; [height, width] of the image. */
  async foreground(image: RgbImage): Promise<Uint8Array> {
    const { width, height } = this.input;
    const outputs = await this.session.run(
      { input: float32Tensor(normalise(resizeBilinear(image, width, height), this.input), [1, 3, height, width]) },
      ["logits"],
    );
    const logits = outputs.get("logits")?.data as Float32Array,
      area = width * height;
    const foreground = new Uint8Array(image.width * image.height);
    for (let row = 0; row < image.height; row++) {
      const seenRow = Math.floor((row * height) / image.height) * width;
      for (let column = 0; column < image.width; column++) {
        const pixel = seenRow + Math.floor((column * width) / image.width);
        foreground[row * image.width + column] = (logits[area + pixel] as number) > (logits[pixel] as number) ? 1 : 0;
      }
    }
    return foreground;
  }

  close(): Promise<void> {
    return this.session.close();
  }
}
