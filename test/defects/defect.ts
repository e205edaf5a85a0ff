import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A mistake that somebody could make in the protocol, and where to make it. */
export interface Defect {
  /** Unique, and what `--only` takes. */
  readonly name: string
  /** What goes wrong, in words. */
  readonly breaks: string
  readonly edits: readonly Edit[]
  /** Scenarios that should show it, the likeliest first. */
  readonly scenarios: readonly string[]
}

export interface Edit {
  /** From the root of the repository. */
  readonly file: string
  /** Is in the file exactly once. */
  readonly find: string
  readonly replace: string
}

/**
 * The text with the edit made.
 *
 * @throws Error if what is to be replaced is not there, or more than once: the code has changed, and the
 * defect must be planted anew.
 */
export function edited(text: string, { file, find, replace }: Edit): string {
  const times = text.split(find).length - 1
  if (times !== 1) {
    throw new Error(
      `the defect no longer applies: ${file} has ${times} times, not once, the text\n${find}`,
    )
  }
  // A function, because a string's `$` would mean something else.
  return text.replace(find, () => replace)
}

/** The files of the repository at `root` that a defect changes, by path, with the defect in them. */
export function planted({ edits }: Defect, root: string): Map<string, string> {
  const texts = new Map<string, string>()
  for (const edit of edits) {
    const text = texts.get(edit.file) ?? readFileSync(join(root, edit.file), 'utf8')
    texts.set(edit.file, edited(text, edit))
  }
  return texts
}

/** Plants the defect into a copy of the sources. */
export function plant(defect: Defect, root: string): void {
  for (const [file, text] of planted(defect, root)) writeFileSync(join(root, file), text)
}
