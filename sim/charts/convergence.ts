import { type Axis, largest, timeAxis } from './axis.ts'
import type { ChartSpec } from './chart-spec.ts'
import { positionOf } from './line-layers.ts'
import { formulaKey, type Measured, measuredLines } from './measured-and-formula.ts'
import { namesBeside } from './name-beside.ts'
import { BOLD, chart, PLOT, textOver } from './theme.ts'

/**
 * How the share of nodes that know of an admission grows, 0 to 1, against the milliseconds since it was made; or
 * another share, if it is given its own title.
 */
export function convergence(
  series: readonly Measured[],
  shareTitle = 'nodes that know of it',
): ChartSpec {
  const times = series.flatMap(({ points, formula = [] }) => [...points, ...formula])
  const x = timeAxis(
    largest(
      times.map((point) => point.x),
      0,
    ),
    PLOT.width,
  )
  // A line along the top is seen whole.
  const y: Axis = { type: 'linear', from: 0, to: 1.02, pixels: PLOT.height }
  const position = {
    x: positionOf('x', x, 'time since the admission, ms'),
    y: positionOf('y', y, shareTitle, {
      format: '.0%',
      values: [0, 0.2, 0.4, 0.6, 0.8, 1],
    }),
  }
  return chart([
    ...measuredLines(series, position),
    ...namesBeside(series, { x, y }).flatMap((name) =>
      textOver(name.text, name, { color: name.colour, fontWeight: BOLD }),
    ),
    ...formulaKey(series),
  ])
}
