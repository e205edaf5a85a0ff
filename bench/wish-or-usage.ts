/** What the words ask for; undefined when all is said, be it only how to ask. */
export function wishOrUsage<Wish>(
  /** @throws Error that says what is wrong. */
  wishOf: (words: readonly string[]) => Wish | 'help',
  words: readonly string[],
  usage: string,
): Wish | undefined {
  try {
    const wish = wishOf(words)
    if (wish !== 'help') return wish
    console.log(usage)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`)
    process.exitCode = 2
  }
  return undefined
}
