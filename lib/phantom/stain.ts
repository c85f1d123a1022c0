import type { CounterRandom } from "../random/counter-random";

/** Optical density of red, green and blue for one unit of dye; light passes as 10^0 * exp(-density) (Beer and Lambert). */
export type Dye = readonly [number, number, number];

/** The dyes of the Papanicolaou stain as one slide shows them. */
export interface Stain {
  readonly haematoxylin: Dye;
  readonly cyanophilic: Dye;
  readonly eosinophilic: Dye;
  readonly orangeophilic: Dye;
  /** Light through the empty slide, 0 to 1. */
  readonly background: Dye;
}

const papanicolaou: Omit<Stain, "background"> = {
  haematoxylin: transmitting(74, 58, 118),
  cyanophilic: transmitting(134, 174, 188),
  eosinophilic: transmitting(226, 142, 164),
  orangeophilic: transmitting(222, 134, 52),
};

const slideColours: readonly [Dye, ...Dye[]] = [
  [247, 247, 249],
  [243, 240, 247],
  [249, 245, 238],
  [240, 246, 246],
  [246, 236, 240],
];

/** Draws one slide's stain: dyes of uneven strength and hue, and a background that is nearly but not quite white. */
export function drawStain(random: CounterRandom): Stain {
  const strength = random.uniform(0.82, 1.25);
  const vary = (dye: Dye): Dye => {
    const own = strength * random.uniform(0.88, 1.14);
    return [
      dye[0] * own * random.uniform(0.92, 1.09),
      dye[1] * own * random.uniform(0.92, 1.09),
      dye[2] * own * random.uniform(0.92, 1.09),
    ];
  };
  const [red, green, blue] = random.pick(slideColours);
  const lamp = random.uniform(0.94, 1.01);
  return {
    haematoxylin: vary(papanicolaou.haematoxylin),
    cyanophilic: vary(papanicolaou.cyanophilic),
    eosinophilic: vary(papanicolaou.eosinophilic),
    orangeophilic: vary(papanicolaou.orangeophilic),
    background: [(lamp * red) / 255, (lamp * green) / 255, (lamp * blue) / 255],
  };
}

export function mixed(first: Dye, second: Dye, share: number): Dye {
  return [
    first[0] * (1 - share) + second[0] * share,
    first[1] * (1 - share) + second[1] * share,
    first[2] * (1 - share) + second[2] * share,
  ];
}

/** The dye through which white light turns into this colour. */
function transmitting(red: number, green: number, blue: number): Dye {
  return [-Math.log(red / 255), -Math.log(green / 255), -Math.log(blue / 255)];
}
