/** Numbers as a reader wants them: grouped, short, with a unit where there is one. */

export function whole(value: number): string {
  return value.toLocaleString("en-GB");
}

export function percent(share: number): string {
  const value = share * 100;
  return `${value >= 99.95 || value < 0.05 ? value.toFixed(0) : value.toFixed(1)} %`;
}

/** A probability, never rounded up to certainty. */
export function probability(value: number): string {
  return value > 0.9995 && value < 1 ? "> 0.999" : value.toFixed(3);
}

/** Three significant digits; "not applicable" has no figure. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 0.001 && size < 10_000 ? String(Number(value.toPrecision(3))) : value.toExponential(1);
}

export function duration(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toPrecision(2))} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${Math.round(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** 2026-11-23 17:40 UTC */
export function moment(timestamp: string): string {
  return `${timestamp.slice(0, 10)} ${timestamp.slice(11, 16)} UTC`;
}

export const methodTitles: Readonly<Record<string, string>> = {
  gradient: "Gradient",
  "input-x-gradient": "Input × gradient",
  "integrated-gradients": "Integrated gradients",
  "grad-cam": "Grad-CAM",
  "guided-backprop": "Guided backpropagation",
  "guided-grad-cam": "Guided Grad-CAM",
};

export const methodTitle = (method: string): string => methodTitles[method] ?? method;
