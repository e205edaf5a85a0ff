import type { Axis } from './axis.ts'
import type { JsonObject, Layer } from './chart-spec.ts'
import { type EndLabel, endLabels } from './end-labels.ts'
import { endHeight, lineLayer } from './line-layers.ts'
import { DASH, FONT_SIZE, INK, seriesColour, textAt } from './theme.ts'
import type { Point } from './thin.ts'

/** What was measured, and what the formula says it should have been. */
export interface Measured {
  readonly name: string
  /** By rising x. None, where there is a formula alone. */
  readonly points: readonly Point[]
  /** Drawn dashed in the same colour. */
  readonly formula?: readonly Point[]
}

interface Position {
  readonly x: JsonObject
  readonly y: JsonObject
}

/** Measured lines solid, formulas dashed in the same colour. */
export function measuredLines(series: readonly Measured[], position: Position): Layer[] {
  return [
    ...series.flatMap(({ formula = [] }, index) => {
      const style = { strokeWidth: 1.5, strokeDash: DASH, opacity: 0.85 }
      const color = seriesColour(index)
      return formula.length === 0 ? [] : [lineLayer(formula, position, { color, ...style })]
    }),
    ...series.map(({ points }, index) =>
      lineLayer(points, position, { color: seriesColour(index) }),
    ),
  ]
}

/** A dot at each measurement. Not clipped: at the edge of the plotting area it would lose a half. */
export function measuredDots(series: readonly Measured[], position: Position, y: Axis): Layer[] {
  return series.map(({ points }, index) => ({
    data: {
      values: points.filter((it) => it.y >= y.from && it.y <= y.to).map(({ x, y }) => ({ x, y })),
    },
    mark: { type: 'point', filled: true, opacity: 1, size: 50, color: seriesColour(index) },
    encoding: { x: position.x, y: position.y },
  }))
}

/** The name of each line where it ends. */
export function namesAtEnds(
  series: readonly Measured[],
  plot: { readonly width: number; readonly height: number },
  y: Axis,
): Layer[] {
  const labels = series.map(
    ({ name, points, formula = [] }, index): EndLabel => ({
      text: name,
      colour: seriesColour(index),
      y: endHeight(points.length > 0 ? points : formula, y),
    }),
  )
  return endLabels(labels, plot)
}

const SAMPLE_PX = 26

/** Which line is which, above the plotting area; nothing where there is no formula. */
export function formulaKey(series: readonly Measured[]): Layer[] {
  if (series.every(({ formula = [] }) => formula.length === 0)) return []
  const y = -14
  const entry = (x: number, text: string, style: JsonObject): Layer[] => [
    {
      data: { values: [{}] },
      mark: { type: 'rule', color: INK.quiet, ...style },
      encoding: { x: { value: x }, x2: { value: x + SAMPLE_PX }, y: { value: y } },
    },
    textAt(text, { x: x + SAMPLE_PX + 7, y }, { color: INK.quiet }),
  ]
  return [
    ...entry(0, 'measured', { strokeWidth: 2 }),
    ...entry(SAMPLE_PX + 7 + FONT_SIZE * 6, 'formula', { strokeWidth: 1.5, strokeDash: DASH }),
  ]
}
