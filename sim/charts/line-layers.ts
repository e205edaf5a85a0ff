import { type Axis, logTicks, pixelOf } from './axis.ts'
import type { JsonObject, Layer } from './chart-spec.ts'
import { numberFormat } from './theme.ts'
import { type Point, thin } from './thin.ts'

/** A named line. */
export interface Series {
  readonly name: string
  /** By rising x. */
  readonly points: readonly Point[]
}

/** An axis of the plotting area as Vega-Lite wants it, with a title that names the unit. */
export function positionOf(
  field: 'x' | 'y',
  axis: Axis,
  title: string,
  more: JsonObject = {},
): JsonObject {
  const log = axis.type === 'log'
  const domain = { type: axis.type, domain: [axis.from, axis.to], nice: false }
  return {
    field,
    type: 'quantitative',
    title,
    scale: log ? domain : { ...domain, zero: false },
    axis: {
      format: numberFormat(axis.to),
      // Short forms share one prefix along an axis, and 0k is no number.
      ...(numberFormat(axis.to) === '~s'
        ? { labelExpr: "datum.value === 0 ? '0' : datum.label" }
        : {}),
      ...(log ? { values: logTicks(axis) } : {}),
      ...more,
    },
  }
}

/** A line through points; those outside the axes are clipped. */
export function lineLayer(
  points: readonly Point[],
  position: { readonly x: JsonObject; readonly y: JsonObject },
  style: JsonObject,
): Layer {
  return {
    data: { values: thin(points).map(({ x, y }) => ({ x, y })) },
    mark: { type: 'line', clip: true, ...style },
    encoding: { x: position.x, y: position.y },
  }
}

/** Where a line leaves the picture on the right, in pixels from the top. */
export function endHeight(points: readonly Point[], y: Axis): number {
  const last = points.at(-1)?.y ?? y.from
  return y.pixels - Math.max(0, Math.min(y.pixels, pixelOf(y, last)))
}
