/** A point of a line. */
export interface Point {
  readonly x: number
  readonly y: number
}

/** Twice the pixels of a plotting area: more points than this cannot be seen. */
const POINTS_MAX = 1200

/**
 * A line of at most `pointsMax` points that looks the same: of each stretch of points its lowest and its
 * highest stay, so no peak is lost, least of all the worst one. The ends stay too. `points` go by rising x.
 */
export function thin(points: readonly Point[], pointsMax = POINTS_MAX): readonly Point[] {
  if (points.length <= pointsMax) return points
  const stretch = Math.ceil(points.length / ((pointsMax - 2) / 2))
  const kept: Point[] = points.slice(0, 1)
  for (let start = 1; start < points.length - 1; start += stretch) {
    kept.push(...extremes(points.slice(start, Math.min(start + stretch, points.length - 1))))
  }
  return [...kept, ...points.slice(-1)]
}

/** The lowest and the highest point, in the order in which they come. */
function extremes(points: readonly Point[]): Point[] {
  let lowest = 0
  let highest = 0
  for (const [index, { y }] of points.entries()) {
    if (y < (points[lowest]?.y ?? y)) lowest = index
    if (y > (points[highest]?.y ?? y)) highest = index
  }
  const indices =
    lowest === highest ? [lowest] : [Math.min(lowest, highest), Math.max(lowest, highest)]
  return indices.flatMap((index) => points.slice(index, index + 1))
}
