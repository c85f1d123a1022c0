import type { Cell, Nucleus } from "./cell";
import type { NoiseTile } from "./noise-tile";
import { addDye, type OpticalDensity } from "./optical-density";
import type { Dye } from "./stain";

// Read once: looking up a global for every pixel costs time, most of all in a test runner's sandbox.
const { ceil, cos, exp, floor, max, min, sin, sqrt } = Math;

/** What cells are drawn with: textures, and how units become pixels (`pixel = (unit - origin) * scale`). */
export interface Brush {
  readonly density: OpticalDensity;
  readonly haematoxylin: Dye;
  readonly cloud: NoiseTile;
  readonly grain: NoiseTile;
  readonly scale: number;
  /** Blur of what lies in focus, and of what lies one step out of it; pixels. */
  readonly sharpBlur: number;
  readonly softBlur: number;
}

/** Pixels of a cell within its bounding box: 1 inside, 0 outside, row by row. */
export interface DrawnShape {
  readonly box: { x: number; y: number; width: number; height: number };
  readonly mask: Uint8Array;
}

/**
 * Draws a cell's cytoplasm and nuclei as absorbing layers.
 * Returns the shapes of the cell and of its nuclei (united) where they lie within the field; undefined where nothing does.
 */
export function drawCell(brush: Brush, cell: Cell): { cell: DrawnShape; nucleus: DrawnShape | undefined } | undefined {
  const { scale } = brush;
  const window = windowOf(brush, cell.x, cell.y, cell.cytoplasm.largest);
  if (!window) return undefined;
  const layer = brush.density.layer(cell.defocus > 0 ? brush.softBlur : brush.sharpBlur);
  const cellPixels = new Uint8Array(window.width * window.height),
    nucleusPixels = new Uint8Array(cellPixels.length);
  for (let row = 0; row < window.height; row++) {
    for (let column = 0; column < window.width; column++) {
      const x = (window.x + column + 0.5) / scale,
        y = (window.y + row + 0.5) / scale;
      const dx = x - cell.x,
        dy = y - cell.y;
      const distance = sqrt(dx * dx + dy * dy);
      if (distance > cell.cytoplasm.largest + 2) continue;
      const radius = cell.cytoplasm.radiusTowards(dx, dy);
      const cover = coverage(radius - distance, scale);
      if (cover <= 0) continue;
      const pixel = (window.y + row) * brush.density.width + window.x + column,
        at = row * window.width + column;
      if (cover > 0.5) cellPixels[at] = 1;
      let inNucleus = 0;
      for (const nucleus of cell.nuclei) {
        const share = nucleusCoverage(nucleus, dx, dy, scale);
        if (share <= 0) continue;
        inNucleus = max(inNucleus, share);
        addDye(
          layer,
          pixel,
          brush.haematoxylin,
          share * nucleusDensity(brush, nucleus, dx - nucleus.x, dy - nucleus.y, x, y),
        );
      }
      if (inNucleus > 0.5) nucleusPixels[at] = 1;
      const amount = cytoplasmDensity(brush, cell, distance / radius, dx, dy, x, y);
      addDye(layer, pixel, cell.dye, cover * amount * (1 - 0.55 * inNucleus));
    }
  }
  const drawn = trimmed(window, cellPixels);
  return drawn && { cell: drawn, nucleus: trimmed(window, nucleusPixels) };
}

function cytoplasmDensity(
  brush: Brush,
  cell: Cell,
  depth: number,
  dx: number,
  dy: number,
  x: number,
  y: number,
): number {
  const dome = 1 + cell.dome * (0.55 - depth * depth);
  const rim = cell.rim * exp(-(((depth - 0.97) / 0.05) ** 2));
  const cloud = brush.cloud.at(x * 1.1 + cell.x * 7, y * 1.1 + cell.y * 3);
  const grain = brush.grain.at(x * 0.9 + cell.y * 5, y * 0.9);
  let amount = cell.density * (dome + rim) * max(0.35, 1 + cell.texture * (cloud + 0.6 * grain));
  for (const fold of cell.folds) {
    const across = dx * cos(fold.angle) + dy * sin(fold.angle) - fold.offset + 4 * cloud;
    amount += cell.density * fold.strength * exp(-((across / 1.8) ** 2)) * max(0, 1 - depth * depth);
  }
  if (cell.halo) {
    const hx = dx - cell.halo.x,
      hy = dy - cell.halo.y;
    const inside = cell.halo.contour.radiusTowards(hx, hy) - sqrt(hx * hx + hy * hy);
    // The cavity is nearly clear; the cytoplasm it pushed aside stands as a dense wall around it.
    amount *= 1 - 0.8 * sigmoid(inside / 1.3);
    amount += cell.density * 0.5 * exp(-(((inside + 3.5) / 3.5) ** 2));
  }
  return amount;
}

function nucleusCoverage(nucleus: Nucleus, dx: number, dy: number, scale: number): number {
  const nx = dx - nucleus.x,
    ny = dy - nucleus.y;
  const distance = sqrt(nx * nx + ny * ny);
  return distance > nucleus.contour.largest + 2 ? 0 : coverage(nucleus.contour.radiusTowards(nx, ny) - distance, scale);
}

function nucleusDensity(brush: Brush, nucleus: Nucleus, nx: number, ny: number, x: number, y: number): number {
  const depth = sqrt(nx * nx + ny * ny) / nucleus.contour.radiusTowards(nx, ny);
  const clumps = brush.grain.at(x * 2.1 + nucleus.x * 11, y * 2.1 + nucleus.y * 5) + 0.5 * brush.cloud.at(x * 3, y * 3);
  const membrane = 0.22 * exp(-(((depth - 0.92) / 0.1) ** 2));
  return nucleus.density * max(0.4, 0.95 + membrane + nucleus.chromatin * clumps);
}

/** How much of a pixel lies inside, from its centre's distance to the outline (positive inside), in units. */
function coverage(inside: number, scale: number): number {
  return min(1, max(0, inside * scale + 0.5));
}

function sigmoid(t: number): number {
  return 1 / (1 + exp(-t));
}

interface Window {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function windowOf(brush: Brush, x: number, y: number, reach: number): Window | undefined {
  const { width, height } = brush.density;
  const left = max(0, floor((x - reach) * brush.scale) - 1),
    right = min(width, ceil((x + reach) * brush.scale) + 1);
  const top = max(0, floor((y - reach) * brush.scale) - 1),
    bottom = min(height, ceil((y + reach) * brush.scale) + 1);
  return right > left && bottom > top ? { x: left, y: top, width: right - left, height: bottom - top } : undefined;
}

/** The smallest box around the mask's ones. */
function trimmed(window: Window, mask: Uint8Array): DrawnShape | undefined {
  let left = window.width,
    right = -1,
    top = window.height,
    bottom = -1;
  mask.forEach((inside, index) => {
    if (!inside) return;
    const column = index % window.width,
      row = (index - column) / window.width;
    left = min(left, column);
    right = max(right, column);
    top = min(top, row);
    bottom = max(bottom, row);
  });
  if (right < 0) return undefined;
  const width = right - left + 1,
    height = bottom - top + 1;
  const cut = new Uint8Array(width * height);
  for (let row = 0; row < height; row++) {
    const start = (top + row) * window.width + left;
    cut.set(mask.subarray(start, start + width), row * width);
  }
  return { box: { x: window.x + left, y: window.y + top, width, height }, mask: cut };
}
