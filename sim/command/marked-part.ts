/** A document around a part of it that a command writes. */
export interface Marked {
  readonly before: string
  readonly part: string
  readonly after: string
}

/** What stands between `<!-- name:begin -->` and `<!-- name:end -->`. @throws Error if the marks are not there. */
export function markedPart(text: string, name: string): Marked {
  const [begin, end] = marks(name)
  const [before, rest] = text.split(begin)
  const [part, after] = rest?.split(end) ?? []
  if (before === undefined || part === undefined || after === undefined) {
    throw new Error(`the file has no ${begin} … ${end} to write the table between: add both lines`)
  }
  return { before, part, after }
}

/** The document with other lines between the marks. */
export function withMarkedPart(text: string, name: string, lines: readonly string[]): string {
  const { before, after } = markedPart(text, name)
  const [begin, end] = marks(name)
  return [`${before}${begin}`, ...lines, `${end}${after}`].join('\n')
}

function marks(name: string): readonly [begin: string, end: string] {
  return [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`]
}
