import type { Layer } from './chart-spec.ts'
import { BOLD, FONT_SIZE, textAt } from './theme.ts'

/** A name for a line, beside the plotting area at the height where the line ends. */
export interface EndLabel {
  readonly text: string
  readonly colour: string
  /** Pixels from the top. */
  readonly y: number
}

const APART_PX = FONT_SIZE + 4
const GAP_PX = 8

/** The names of the lines, right of the plotting area; moved apart where lines end close together. */
export function endLabels(
  labels: readonly EndLabel[],
  plot: { readonly width: number; readonly height: number },
): Layer[] {
  const places = spreadOut(
    labels.map(({ y }) => y),
    APART_PX,
    plot.height,
  )
  return labels.map(({ text, colour }, index) =>
    textAt(
      text,
      { x: plot.width + GAP_PX, y: places[index] ?? 0 },
      { color: colour, fontWeight: BOLD },
    ),
  )
}

/**
 * The heights, in the order given, moved as little as it takes for neighbours to be `apart` pixels from each other
 * and to end by `bottom`: first each is pushed down by the one above it, then up by the one below it.
 */
export function spreadOut(heights: readonly number[], apart: number, bottom: number): number[] {
  const order = heights.map((_, index) => index).sort((a, b) => at(heights, a) - at(heights, b))
  const placed = heights.slice()
  let ceiling = Number.NEGATIVE_INFINITY
  for (const index of order) {
    placed[index] = Math.max(at(placed, index), ceiling)
    ceiling = at(placed, index) + apart
  }
  let floor = bottom
  for (const index of order.reverse()) {
    placed[index] = Math.min(at(placed, index), floor)
    floor = at(placed, index) - apart
  }
  return placed
}

function at(values: readonly number[], index: number): number {
  return values[index] ?? 0
}
