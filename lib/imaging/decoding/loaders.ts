import sharp from "sharp";

/**
 * sharp with every loader of libvips blocked except the four that decode accepted formats from memory. Import sharp through
 * this module only: the block holds for the whole process. No cache, so that memory stays flat over a batch; one thread an
 * image, because images are decoded side by side.
 */
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({
  operation: [
    "VipsForeignLoadJpegBuffer",
    "VipsForeignLoadPngBuffer",
    "VipsForeignLoadWebpBuffer",
    "VipsForeignLoadTiffBuffer",
  ],
});
sharp.cache(false);
sharp.concurrency(1);

export { sharp };
