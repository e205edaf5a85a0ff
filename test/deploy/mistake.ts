/** The mistake, as a list of one, unless the condition holds. */
export function unless(holds: boolean, mistake: string): string[] {
  return holds ? [] : [mistake]
}
