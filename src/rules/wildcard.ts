/**
 * Patterns in which one kind of item stands for any run of items, also none. The same search serves the
 * characters of a text and the segments of a path.
 *
 * Only the last wildcard passed is ever tried again, so that matching takes at most `pattern × items` steps:
 * no pattern and no request can make it slow.
 */
export interface Wildcard<Pattern, Item> {
  isAny(part: Pattern): boolean
  matchesOne(part: Pattern, item: Item): boolean
}

export function matchesWildcard<Pattern, Item>(
  pattern: ArrayLike<Pattern>,
  items: ArrayLike<Item>,
  { isAny, matchesOne }: Wildcard<Pattern, Item>,
): boolean {
  let part = 0
  let item = 0
  /** Where to go on when what follows the last wildcard does not fit: it takes one item more. */
  let retryPart = -1
  let retryItem = 0
  while (item < items.length) {
    if (part < pattern.length && isAny(pattern[part] as Pattern)) {
      retryPart = ++part
      retryItem = item
    } else if (part < pattern.length && matchesOne(pattern[part] as Pattern, items[item] as Item)) {
      part++
      item++
    } else if (retryPart >= 0) {
      part = retryPart
      item = ++retryItem
    } else {
      return false
    }
  }
  while (part < pattern.length && isAny(pattern[part] as Pattern)) part++
  return part === pattern.length
}

const TEXT: Wildcard<string, string> = {
  isAny: (part) => part === '*',
  matchesOne: (part, item) => part === item,
}

/** Whether `*` in the pattern can be read so that it becomes the text. */
export function matchesText(pattern: string, text: string): boolean {
  return matchesWildcard(pattern, text, TEXT)
}

/** What of a pattern stands in every text that it fits. */
export function literalText(pattern: string): string {
  return pattern.replaceAll('*', '')
}
