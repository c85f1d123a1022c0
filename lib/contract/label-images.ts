/** The ends of names that sets give to the label image of an image: Herlev's "-d.bmp", and the words others write out. */
const labelEnds =
  /^(.+)(?:-d(?=\.bmp$)|[-_ .](?:mask|masks|seg|segmentation|label|labels|gt|groundtruth)(?=\.[a-z]+$))/i;

/**
 * Names in one folder that are label images (masks) of another image there, and so no images of their own: "149-d.bmp" beside
 * "149.BMP", "a_mask.png" beside "a.jpg". A name with such an end and no image beside it is an image.
 */
export function labelImagesAmong(names: readonly string[]): ReadonlySet<string> {
  const stems = new Set(names.map(stemOf));
  return new Set(
    names.filter((name) => {
      const of = labelEnds.exec(name)?.[1];
      return of !== undefined && stems.has(of.toLowerCase());
    }),
  );
}

const stemOf = (name: string): string => name.replace(/\.[^.]+$/, "").toLowerCase();
