import { textWidth } from './text-width.ts'
import { FONT_SIZE } from './theme.ts'

/** A text beside a dot: its left or right end, and its middle line, in pixels. */
export interface LabelPlace {
  readonly x: number
  readonly y: number
  readonly align: 'left' | 'right' | 'center'
  /** Too far from its dot to be understood without a line between them. */
  readonly far: boolean
}

interface Box {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

const GAP_PX = 11
const LINE_PX = FONT_SIZE + 3

/**
 * A place for the name of each dot where it covers no dot and no name placed before: right of it if that is
 * free, else left, above, below, or further off. Where nothing is free it stands on the right all the same.
 */
export function freePlaces(
  dots: readonly { readonly x: number; readonly y: number; readonly text: string }[],
  width: number,
): LabelPlace[] {
  const taken: Box[] = dots.map(({ x, y }) => around(x, y, 7))
  return dots.map(({ x, y, text }) => {
    const candidates = placesAround(x, y)
    const boxOf = (place: LabelPlace) => boxAt(place, textWidth(text, FONT_SIZE, true))
    const free = candidates.find((place) => {
      const box = boxOf(place)
      const inside = box.left >= 0 && (place.align === 'left' || box.right <= width)
      return inside && taken.every((other) => !overlap(box, other))
    })
    const chosen = free ?? { x: x + GAP_PX, y, align: 'left' as const, far: false }
    taken.push(boxOf(chosen))
    return chosen
  })
}

/** Best first. */
function placesAround(x: number, y: number): LabelPlace[] {
  const near: LabelPlace[] = [
    { x: x + GAP_PX, y, align: 'left', far: false },
    { x: x - GAP_PX, y, align: 'right', far: false },
    { x, y: y - GAP_PX - 5, align: 'center', far: false },
    { x, y: y + GAP_PX + 5, align: 'center', far: false },
  ]
  const slanting = [1.4, 2.4, 3.4, 4.4].flatMap((lines): LabelPlace[] => [
    { x: x + GAP_PX, y: y + lines * LINE_PX, align: 'left', far: true },
    { x: x + GAP_PX, y: y - lines * LINE_PX, align: 'left', far: true },
    { x: x - GAP_PX, y: y + lines * LINE_PX, align: 'right', far: true },
    { x: x - GAP_PX, y: y - lines * LINE_PX, align: 'right', far: true },
  ])
  return [...near, ...slanting]
}

function boxAt({ x, y, align }: LabelPlace, width: number): Box {
  const left = align === 'left' ? x : align === 'right' ? x - width : x - width / 2
  return { left, right: left + width, top: y - LINE_PX / 2, bottom: y + LINE_PX / 2 }
}

function around(x: number, y: number, radius: number): Box {
  return { left: x - radius, right: x + radius, top: y - radius, bottom: y + radius }
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}
