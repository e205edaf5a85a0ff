/**
 * Cuts time into units of changing length, such as the months of a time zone. Pure: equal times are in equal
 * units, on every node.
 */
export interface Calendar {
  /** The same on all nodes that have this calendar, and on no other: `month Europe/Berlin`. */
  readonly name: string
  /** The unit that holds this time. */
  at(atMs: number): CalendarUnit
}

/** `[startMs, endMs)`, in milliseconds since 1970. Units that follow each other have consecutive indices, from 0 on. */
export interface CalendarUnit {
  readonly index: number
  readonly startMs: number
  readonly endMs: number
}
