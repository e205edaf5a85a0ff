/** Tries once more, and says so: a free port may be taken before it is used, and a machine that is busy turns requests away. */
export async function twice<Result>(name: string, attempt: () => Promise<Result>): Promise<Result> {
  try {
    return await attempt()
  } catch (error) {
    console.error(`${name}: ${error instanceof Error ? error.message : error}; once more ...`)
    return attempt()
  }
}
