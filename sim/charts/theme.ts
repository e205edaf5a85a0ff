import type { ChartSpec, JsonObject, Layer } from './chart-spec.ts'

/**
 * The colours of every chart. Each has a counterpart for dark paper, so that a page can follow its reader;
 * that is why no two of them may be the same text in light.
 */
export const INK = {
  paper: '#ffffff',
  text: '#1c2733',
  quiet: '#5b6875',
  axis: '#9aa5b1',
  grid: '#e8ecf0',
  /** What must not be crossed. Nothing else is ever drawn in it. */
  bound: '#d1410c',
  /** What an ideal limiter would do. */
  ideal: '#3a4654',
  /** The shade of a stretch of time in which something was broken. */
  fault: '#7b8794',
} as const

/** Kept apart by people with any of the common colour blindnesses, and in grey; after Okabe and Ito. */
export const SERIES = ['#0b6fb8', '#0f9d77', '#b0579b', '#c98a00', '#55a7dd', '#6b5bd2'] as const

/** The same colours on dark paper, in lighter tints. */
export const DARK: Readonly<Record<string, string>> = {
  [INK.paper]: '#10161d',
  [INK.text]: '#e5ebf1',
  [INK.quiet]: '#a3afbb',
  [INK.axis]: '#5d6a77',
  [INK.grid]: '#222c36',
  [INK.bound]: '#ff7d4d',
  [INK.ideal]: '#c3cdd7',
  [INK.fault]: '#8d99a6',
  [SERIES[0]]: '#4ea8ea',
  [SERIES[1]]: '#35c79d',
  [SERIES[2]]: '#dc8cc8',
  [SERIES[3]]: '#eab02f',
  [SERIES[4]]: '#8fcdf5',
  [SERIES[5]]: '#a397f5',
}

/** From little to much, on light and dark paper alike: cells keep their colours and carry their own ink. */
export const HEAT = {
  fills: ['#e6f1fa', '#6fb1dc', '#08467c'],
  onLow: '#0d1b29',
  onHigh: '#fdfeff',
} as const

export const FONT = 'Inter, system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
export const FONT_SIZE = 12
/** Names of things; the picture renderer knows this weight and 400. */
export const BOLD = 700
/** The plotting area, in pixels; axes and labels come on top. */
export const PLOT = { width: 660, height: 320 } as const
export const DASH = [6, 4] as const

export function seriesColour(index: number): string {
  return SERIES[index % SERIES.length] ?? SERIES[0]
}

/** A chart of layers over one plotting area. */
export function chart(layers: readonly Layer[], size: JsonObject = PLOT): ChartSpec {
  return { $schema: SCHEMA, background: INK.paper, ...size, layer: layers, config: CONFIG }
}

/** A text that stands where nothing was measured: at a place of the plotting area, in pixels. */
export function textAt(
  text: string,
  place: { readonly x: number; readonly y: number },
  style: JsonObject,
): Layer {
  return {
    data: { values: [{}] },
    mark: { type: 'text', text, fontSize: FONT_SIZE, baseline: 'middle', align: 'left', ...style },
    encoding: { x: { value: place.x }, y: { value: place.y } },
  }
}

/** The same on a rim of paper, for where lines may run through it. */
export function textOver(
  text: string,
  place: { readonly x: number; readonly y: number },
  style: JsonObject,
): Layer[] {
  const rim = { color: INK.paper, stroke: INK.paper, strokeWidth: 5, strokeJoin: 'round' }
  return [textAt(text, place, { ...style, ...rim }), textAt(text, place, style)]
}

/**
 * How numbers up to `largest` are written along an axis: 950, 9,500, 95k, 9.5M. Small fractions keep
 * their decimals, which the short form would turn into thousandths.
 */
export function numberFormat(largest: number): string {
  return largest >= 10_000 ? '~s' : ',~r'
}

const SCHEMA = 'https://vega.github.io/schema/vega-lite/v6.json'

const CONFIG: JsonObject = {
  // A reader hears the title and the caption; thousands of points, each with its numbers, help nobody.
  aria: false,
  font: FONT,
  padding: 14,
  view: { stroke: null },
  axis: {
    labelColor: INK.quiet,
    labelFontSize: FONT_SIZE,
    labelPadding: 6,
    labelFlush: false,
    titleColor: INK.text,
    titleFontSize: FONT_SIZE,
    titleFontWeight: 400,
    titlePadding: 10,
    gridColor: INK.grid,
    domainColor: INK.axis,
    tickColor: INK.axis,
    tickSize: 4,
  },
  axisX: { grid: false, tickCount: 10 },
  axisY: { domain: false, ticks: false, tickCount: 6 },
  line: { strokeWidth: 2, strokeJoin: 'round', strokeCap: 'round' },
  title: {
    anchor: 'start',
    frame: 'group',
    color: INK.text,
    fontSize: 16,
    fontWeight: BOLD,
    offset: 16,
  },
}
