import type { CodeTable } from "./code-table";

/** Codes of ImageError. */
export const imageErrors = {
  "explanation.not-finite": {
    means: "The map of an explanation holds NaN or infinity.",
    remedy: "Try another method; if other images do the same, check the model.",
  },
  "image.compression": {
    means: "The pixels of the TIFF file are compressed in a way that is not read here; the file may well be sound.",
    remedy:
      "Convert it, for example with `tiffcp -c lzw in.tif out.tif` or `vips tiffsave in.tif out.tif --compression lzw`.",
  },
  "image.corrupt": {
    means: "The file is damaged inside.",
    remedy: "Replace it with a whole copy.",
  },
  "image.decoder-closed": {
    means: "An image was given to a decoder after it was closed.",
    remedy: "Close the decoder after the last image.",
  },
  "image.decoder-crashed": {
    means: "The process that decodes images ended over this file.",
    remedy: "Save the image anew, in another format if need be.",
  },
  "image.decoder-failed": {
    means: "The process that decodes images met an error that it has no name for.",
    remedy: "Read the message; it may be a file that cannot be opened.",
  },
  "image.decoder-memory": {
    means: "Decoding took more memory than one image may take.",
    remedy: "Make the image smaller.",
  },
  "image.decoder-timeout": {
    means: "Decoding took longer than one image may take.",
    remedy: "Make the image smaller, or save it in a simpler format.",
  },
  "image.empty": {
    means: "The file has no bytes.",
    remedy: "Upload it again.",
  },
  "image.format-refused": {
    means: "The file is an image of a format that is not accepted.",
    remedy: "Convert it to JPEG, PNG, TIFF, WebP or BMP.",
  },
  "image.no-parts": {
    means: "The image was prepared to no part that could be classified.",
    remedy: "Open an issue with the image's size and the batch's settings.",
  },
  "image.not-an-image": {
    means: "The content is no image, whatever the file's name says.",
    remedy: "Remove it, or upload the image itself.",
  },
  "image.not-finite": {
    means: "The input made of the image holds NaN or infinity.",
    remedy: "Check the mean and standard deviation of the model's card, or the values given.",
  },
  "image.thumbnail": {
    means: "No thumbnail of the image is small enough for the report.",
    remedy: "Open an issue with the image.",
  },
  "image.tile": {
    means: "A rectangle was asked for that does not lie within the image.",
    remedy: "Ask for a rectangle inside the image.",
  },
  "image.too-large": {
    means: "The image has more pixels or bytes than are read at once.",
    remedy: "Set `tileSize` to read it tile by tile, make it smaller, or cut it up.",
  },
  "image.too-large-to-tile": {
    means: "The image falls into more tiles than are classified one by one.",
    remedy: "Set a larger `tileSize`, or cut the image up.",
  },
  "image.truncated": {
    means: "The file ends before the image does.",
    remedy: "Upload it again, whole.",
  },
  "image.unreadable": {
    means: "The file could not be read when the batch was put together, or its content was never fetched.",
    remedy: "Do what the message says (permissions, links, `git lfs pull`, `git annex get`), then run or submit again.",
  },
  "image.unsupported": {
    means: "The file is of an accepted format but holds values or channels that are not read.",
    remedy: "Save it with 8 or 16 bits a channel, in grey or RGB.",
  },
  "inference.not-finite": {
    means: "The model answered NaN or infinity for this image.",
    remedy: "Check how the model's input is made; if every image does the same, check the weights.",
  },
  "map.shape": {
    means: "A map has another size than the picture or tile it belongs to.",
    remedy: "Draw a map over the image it was made for.",
  },
  "npy.length": {
    means: "A `.npy` file holds more or fewer values than its header says.",
    remedy: "Write the file again.",
  },
  "npy.not-npy": {
    means: "The file is no `.npy` file.",
    remedy: "Give a file that NumPy or Cytolens wrote.",
  },
  "npy.shape": {
    means: "There are more or fewer values than the shape given for them has.",
    remedy: "Give the shape of the values.",
  },
  "npy.type": {
    means: "A `.npy` file holds another type than little-endian float32 in C order.",
    remedy: "Convert it.",
  },
} satisfies CodeTable;
