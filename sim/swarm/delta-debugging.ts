/** Whether a smaller one still fails in the way in which the first did. */
export type StillFails<Case> = (smaller: Case) => boolean

/**
 * A part of a list of causes that still fails, and of which no single one can be left out: `ddmin` of Zeller and
 * Hildebrandt, "Simplifying and isolating failure-inducing input" (2002). The list itself has to fail. It is
 * returned unchanged if nothing can be left out.
 */
export function withFewest<Cause>(
  causes: readonly Cause[],
  stillFails: StillFails<readonly Cause[]>,
): readonly Cause[] {
  let fewest = causes
  if (fewest.length > 0 && stillFails([])) return []
  for (let parts = 2; fewest.length > 1; ) {
    const smaller = smallerThat(fewest, parts, stillFails)
    if (smaller !== undefined) {
      parts = Math.max(2, Math.min(smaller.parts, smaller.causes.length))
      fewest = smaller.causes
    } else if (parts < fewest.length) {
      parts = Math.min(fewest.length, 2 * parts)
    } else {
      break
    }
  }
  return fewest
}

/** One of so many parts that fails alone, or all but one of them; and in how many parts to go on. */
function smallerThat<Cause>(
  causes: readonly Cause[],
  parts: number,
  stillFails: StillFails<readonly Cause[]>,
): { readonly causes: readonly Cause[]; readonly parts: number } | undefined {
  const chunks = Array.from({ length: parts }, (_, part) =>
    causes.slice(
      Math.floor((part * causes.length) / parts),
      Math.floor(((part + 1) * causes.length) / parts),
    ),
  )
  for (const chunk of chunks) {
    if (chunk.length < causes.length && stillFails(chunk)) return { causes: chunk, parts: 2 }
  }
  if (parts === 2) return undefined
  for (const [left] of chunks.entries()) {
    const rest = chunks.filter((_, part) => part !== left).flat()
    if (stillFails(rest)) return { causes: rest, parts: parts - 1 }
  }
  return undefined
}
