/** Numbers as a reader wants them: grouped, short, with a unit where there is one. What is not a number is a dash. */

const nothing = "–";

/** 12,345 */
export function whole(value: number): string {
  return value.toLocaleString("en-GB");
}

/**
 * A share in per cent, with so many decimals. All and nothing are said of all and nothing alone: what merely rounds to them
 * is "> 99.9 %" or "< 0.1 %".
 */
export function percent(share: number, decimals = 1): string {
  if (Number.isNaN(share)) return nothing;
  if (share === 0 || share === 1) return `${100 * share} %`;
  return `${withinOpen(100 * share, 100, decimals)} %`;
}

/** A probability with three decimals, never rounded up to certainty nor down to impossibility. */
export function probability(value: number): string {
  if (Number.isNaN(value)) return nothing;
  return value === 0 || value === 1 ? value.toFixed(3) : withinOpen(value, 1, 3);
}

/** A value strictly between 0 and `top`, so rounded that it is not said to be either. */
function withinOpen(value: number, top: number, decimals: number): string {
  const text = value.toFixed(decimals);
  const step = 10 ** -decimals;
  if (value > 0 && Number(text) === 0) return `< ${step.toFixed(decimals)}`;
  return value < top && Number(text) === top ? `> ${(top - step).toFixed(decimals)}` : text;
}

/** Three significant digits; "not applicable" has no figure. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return nothing;
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 0.001 && size < 10_000 ? String(Number(value.toPrecision(3))) : value.toExponential(1);
}

/** Two units at most; each is rounded before it is carried into the next, so that none of them reads 60. */
export function duration(seconds: number): string {
  if (Number.isNaN(seconds)) return nothing;
  const short = Number(seconds.toPrecision(2));
  if (short < 60) return `${short} s`;
  const wholeSeconds = Math.round(seconds);
  if (wholeSeconds < 3600) return `${Math.floor(wholeSeconds / 60)} min ${wholeSeconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** 2026-11-23 17:40 UTC */
export function moment(timestamp: string): string {
  return `${timestamp.slice(0, 10)} ${timestamp.slice(11, 16)} UTC`;
}

const methodTitles: Readonly<Record<string, string>> = {
  gradient: "Gradient",
  "input-x-gradient": "Input × gradient",
  "integrated-gradients": "Integrated gradients",
  "grad-cam": "Grad-CAM",
  "guided-backprop": "Guided backpropagation",
  "guided-grad-cam": "Guided Grad-CAM",
};

export const methodTitle = (method: string): string => methodTitles[method] ?? method;
