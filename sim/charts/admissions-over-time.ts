import { largest, linearAxis, timeAxis } from './axis.ts'
import type { ChartSpec, JsonObject, Layer } from './chart-spec.ts'
import { type EndLabel, endLabels } from './end-labels.ts'
import { type FaultMark, faultLayers } from './fault-marks.ts'
import { endHeight, lineLayer, positionOf, type Series } from './line-layers.ts'
import { numberText } from './number-text.ts'
import { chart, DASH, INK, PLOT, seriesColour } from './theme.ts'
import type { Point } from './thin.ts'

export interface AdmissionsOverTime {
  /** Seconds against the cost of everything admitted so far in the whole cluster; several policies, or one. */
  readonly series: readonly Series[]
  /** Tokens. */
  readonly burst: number
  readonly ratePerS: number
  /** The overshoot that is promised, in tokens; without it no bound is drawn. */
  readonly bound?: number
  readonly faults?: readonly FaultMark[]
}

/**
 * Cumulative admissions against the line that no ideal limiter crosses, `B + R·t`, and against that line raised by the
 * bound. The room between the two is what the promise allows.
 */
export function admissionsOverTime(data: AdmissionsOverTime): ChartSpec {
  const { burst, ratePerS, bound } = data
  const ends = data.series.flatMap(({ points }) => points.slice(-1))
  const time = timeAxis(
    largest(
      ends.map(({ x }) => x),
      0,
    ),
    PLOT.width,
  )
  const endS = time.to
  const limit = (raisedBy: number): Point[] => [
    { x: 0, y: burst + raisedBy },
    { x: endS, y: burst + raisedBy + ratePerS * endS },
  ]
  const counted = data.series.flatMap(({ points }) => points.map(({ y }) => y))
  const y = linearAxis([...counted, burst + (bound ?? 0) + ratePerS * endS], PLOT.height)
  const position = {
    x: positionOf('x', time, 'time, s'),
    y: positionOf('y', y, 'admitted so far, tokens'),
  }
  const labels: EndLabel[] = [
    ...(bound === undefined
      ? []
      : [
          {
            text: `bound: limit + ${numberText(bound)}`,
            colour: INK.bound,
            y: endHeight(limit(bound), y),
          },
        ]),
    { text: `limit: ${burst} + ${ratePerS}/s`, colour: INK.ideal, y: endHeight(limit(0), y) },
    ...data.series.map(({ name, points }, index) => ({
      text: name,
      colour: seriesColour(index),
      y: endHeight(points, y),
    })),
  ]
  return chart([
    ...faultLayers(data.faults ?? [], time, PLOT.height),
    ...(bound === undefined ? [] : [allowedRoom(limit(0), bound, position)]),
    lineLayer(limit(0), position, { color: INK.ideal, strokeWidth: 1.5 }),
    ...(bound === undefined
      ? []
      : [
          lineLayer(limit(bound), position, {
            color: INK.bound,
            strokeWidth: 1.5,
            strokeDash: DASH,
          }),
        ]),
    ...data.series.map(({ points }, index) =>
      lineLayer(points, position, { color: seriesColour(index), strokeWidth: 2.5 }),
    ),
    ...endLabels(labels, PLOT),
  ])
}

function allowedRoom(
  limit: readonly Point[],
  bound: number,
  position: { readonly x: JsonObject; readonly y: JsonObject },
): Layer {
  return {
    data: { values: limit.map(({ x, y }) => ({ x, y, raised: y + bound })) },
    mark: { type: 'area', color: INK.bound, opacity: 0.08, line: false },
    encoding: { x: position.x, y: position.y, y2: { field: 'raised' } },
  }
}
