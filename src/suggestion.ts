/**
 * "Did you mean …": the known word nearest to a mistyped one, or undefined when none is near.
 *
 * Distance is optimal string alignment (Damerau-Levenshtein without overlapping edits): insertions,
 * deletions, substitutions and swaps of neighbours cost one each. Near means at most a third of
 * the longer word's letters, and always one.
 */
export function nearestWord(word: string, known: Iterable<string>): string | undefined {
  if (word.length > WORD_LENGTH_MAX) return undefined
  let nearest: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    const near = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3))
    if (distance <= near && distance < least) {
      least = distance
      nearest = candidate
    }
  }
  return nearest
}

/** `(did you mean "limits"?)`, or the whole list where nothing is near. */
export function suggestion(word: string, known: readonly string[]): string {
  const nearest = nearestWord(word, known)
  return nearest === undefined ? `(known: ${known.join(', ')})` : `(did you mean "${nearest}"?)`
}

/** Longer than any word we know; comparing costs the product of both lengths. */
const WORD_LENGTH_MAX = 64

function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      let cost = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (same ? 0 : 1),
      )
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (swapped) cost = Math.min(cost, at(beforeLast, column - 2) + 1)
      current.push(cost)
    }
    beforeLast = last
    last = current
  }
  return at(last, b.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY
}
