/** The words of a closed set, such as the values of a label; the compiler sees to it that none is missing. */
export function wordsOf<Word extends string>(words: Record<Word, true>): readonly Word[] {
  return Object.keys(words) as Word[]
}
