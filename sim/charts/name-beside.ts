import { type Axis, pixelOf } from './axis.ts'
import type { Measured } from './measured-and-formula.ts'
import { textWidth } from './text-width.ts'
import { FONT_SIZE, seriesColour } from './theme.ts'
import type { Point } from './thin.ts'

/** Heights at which a name may stand beside its rising curve, best first. */
const LEVELS = [0.5, 0.36, 0.64, 0.22, 0.78, 0.1, 0.9]
const BESIDE_PX = 9

export interface NameBeside {
  readonly text: string
  readonly colour: string
  readonly x: number
  readonly y: number
}

/**
 * A place for the name of each rising curve right beside it, where no other curve and no other name is, if there is such a place: curves that
 * all end at the same height cannot be told apart by names at their ends.
 */
export function namesBeside(
  series: readonly Measured[],
  axes: { readonly x: Axis; readonly y: Axis },
): NameBeside[] {
  const curves = series.flatMap(({ points, formula = [] }) => [points, formula])
  const placed: (NameBeside & { readonly right: number })[] = []
  for (const [index, { name, points, formula = [] }] of series.entries()) {
    const places = LEVELS.map((level) => {
      const own = [points, formula].map((curve) => crossing(curve, level, axes.x))
      const x = Math.max(...own.filter((it) => it !== undefined), 0) + BESIDE_PX
      return {
        level,
        x,
        right: x + textWidth(name, FONT_SIZE, true),
        y: axes.y.pixels - pixelOf(axes.y, level),
      }
    })
    const free = places.find(({ level, x, right, y }) => {
      const touched = curves.some((curve) => {
        const there = crossing(curve, level, axes.x)
        return there !== undefined && there > x - BESIDE_PX && there < right + BESIDE_PX
      })
      const covered = placed.some(
        (it) => Math.abs(it.y - y) < FONT_SIZE + 4 && it.x < right && x < it.right,
      )
      return !touched && !covered && right <= axes.x.pixels
    })
    const { x, y, right } = free ?? places[index % places.length] ?? { x: 0, y: 0, right: 0 }
    placed.push({ text: name, colour: seriesColour(index), x, y, right })
  }
  return placed.map(({ text, colour, x, y }) => ({ text, colour, x, y }))
}

/** Where a curve first reaches a height, in pixels. */
function crossing(points: readonly Point[], level: number, axis: Axis): number | undefined {
  const index = points.findIndex(({ y }) => y >= level)
  const after = points[index]
  if (after === undefined) return undefined
  const before = points[index - 1] ?? after
  const share = after.y === before.y ? 0 : (level - before.y) / (after.y - before.y)
  return pixelOf(axis, before.x + share * (after.x - before.x))
}
